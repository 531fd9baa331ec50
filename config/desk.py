"""How the admin looks: django-unfold's settings."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def page(title: Any, icon: str, name: str) -> dict[str, Any]:
    """
    An entry of the side bar, for those who may see the list that it leads to.

    :param icon: the name of a Material symbol.
    :param name: of the list, such as "orders_order".
    """
    app, _underscore, model = name.partition("_")

    def may_see(request: HttpRequest) -> bool:
        return any(request.user.has_perm(f"{app}.{may}_{model}") for may in ("view", "change"))

    link = reverse_lazy(f"admin:{name}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": may_see}


def may_export(request: HttpRequest) -> bool:
    return request.user.has_perm("orders.export_order")


def stylesheet(request: HttpRequest) -> str:
    return static("css/desk.css")


def unfold(shop_name: str) -> dict[str, Any]:
    return {
        "SITE_TITLE": shop_name,
        "SITE_HEADER": shop_name,
        "SITE_SUBHEADER": _("Administration"),
        "SITE_SYMBOL": "storefront",
        "SHOW_BACK_BUTTON": True,
        "COLORS": {"primary": GREEN},
        "STYLES": [stylesheet],
        "DASHBOARD_CALLBACK": "checkout.admin.front_page.fill",
        "ACCOUNT": {
            "navigation": [{"title": _("Two-step sign-in"), "link": reverse_lazy("mfa_index")}]
        },
        "SIDEBAR": {
            "show_search": True,
            "show_all_applications": True,
            "navigation": [
                {
                    "title": _("Sales"),
                    "items": [
                        page(_("Orders"), "receipt_long", "orders_order"),
                        page(_("Shipments"), "local_shipping", "orders_shipment"),
                        page(_("Refunds"), "undo", "orders_refund"),
                        page(_("Refund requests"), "contact_support", "orders_refundrequest"),
                        page(_("Payments"), "payments", "orders_paymenttransaction"),
                        page(_("Provider calls"), "swap_horiz", "checkout_providercall"),
                        page(_("Mails"), "mail", "checkout_mail"),
                        page(_("Reconciliation runs"), "rule", "checkout_reconciliationrun"),
                        page(_("Discrepancies"), "difference", "checkout_discrepancy"),
                        {
                            "title": _("Exports"),
                            "icon": "download",
                            "link": reverse_lazy("admin:orders_order_export"),
                            "permission": may_export,
                        },
                    ],
                },
                {
                    "title": _("Memberships"),
                    "items": [
                        page(_("Memberships"), "card_membership", "accounts_membership"),
                        page(_("Payment agreements"), "autorenew", "accounts_billingagreement"),
                    ],
                },
                {
                    "title": _("Shop"),
                    "items": [
                        page(_("Products"), "inventory_2", "shop_product"),
                        page(_("Plans"), "workspace_premium", "accounts_plan"),
                        page(_("Categories"), "category", "shop_category"),
                        page(_("Coupons"), "local_activity", "shop_coupon"),
                        page(_("Granted coupons"), "redeem", "shop_coupongrant"),
                        page(_("Redeemed coupons"), "sell", "orders_couponredemption"),
                    ],
                },
                {
                    "title": _("People"),
                    "items": [
                        page(_("Accounts"), "person", "accounts_user"),
                        page(_("Groups"), "group", "auth_group"),
                        page(_("Audit trail"), "history", "admin_logentry"),
                        page(_("Points"), "toll", "accounts_pointentry"),
                    ],
                },
            ],
        },
    }


GREEN = {
    "50": "#f0f6f3",
    "100": "#dcebe4",
    "200": "#bbd7ca",
    "300": "#90bca9",
    "400": "#629c85",
    "500": "#44806a",
    "600": "#2d5f4f",
    "700": "#285245",
    "800": "#224238",
    "900": "#1d372f",
    "950": "#0f1f1b",
}
