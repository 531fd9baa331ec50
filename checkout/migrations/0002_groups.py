"""Three groups of staff to begin with. Superusers may change them, and make others."""

from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import migrations

READ = {
    *("orders.view_order", "orders.view_orderline", "orders.view_paymenttransaction"),
    *("orders.view_refund", "orders.view_refundline", "orders.view_refundrequest"),
    *("orders.view_refundrequestline", "orders.view_shipment", "orders.view_staffnote"),
    *("orders.view_couponredemption", "checkout.view_mail", "checkout.view_providercall"),
    *("shop.view_product", "shop.view_category", "shop.view_coupon", "shop.view_coupongrant"),
    *("accounts.view_user", "accounts.view_plan", "accounts.view_membership"),
    "accounts.view_billingagreement",
}
SUPPORT = READ | {
    *("orders.handle_order", "orders.change_shipment", "orders.refund_order"),
    "accounts.manage_membership",
}
FINANCE = READ | {
    *("accounts.view_pointentry", "checkout.view_reconciliationrun", "checkout.view_discrepancy"),
    *("orders.refund_order", "orders.refund_order_above_limit", "orders.approve_refund"),
    *("checkout.close_discrepancy", "orders.export_order", "orders.handle_order"),
}
MANAGER = (
    SUPPORT
    | FINANCE
    | {
        *("shop.add_product", "shop.change_product", "shop.add_category", "shop.change_category"),
        *("shop.add_coupon", "shop.change_coupon", "accounts.add_plan", "accounts.change_plan"),
        *("shop.add_coupongrant", "shop.delete_coupongrant"),
        *("accounts.add_pointentry", "accounts.change_user", "auth.view_group"),
        "admin.view_logentry",
    }
)
GROUPS = {"support": SUPPORT, "finance": FINANCE, "manager": MANAGER}
APPS = ("admin", "auth", "accounts", "shop", "orders", "checkout")


def make_groups(apps, schema_editor):
    """Make what is missing; a group that is there keeps what it has, and gets what it lacks."""
    for label in APPS:  # permissions are only made after all migrations
        app = apps.get_app_config(label)
        module = getattr(app, "models_module", None)
        app.models_module = module or True
        create_contenttypes(app, verbosity=0, apps=apps)
        create_permissions(app, verbosity=0, apps=apps)
        app.models_module = module
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in apps.get_model("auth.Permission").objects.select_related("content_type")
    }
    for name, wanted in GROUPS.items():
        group, _created = apps.get_model("auth.Group").objects.get_or_create(name=name)
        group.permissions.add(*(permissions[each] for each in wanted))


class Migration(migrations.Migration):
    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("accounts", "0001_initial"),
        ("shop", "0001_initial"),
        ("orders", "0001_initial"),
        ("checkout", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
