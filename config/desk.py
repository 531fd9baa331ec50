"""How the admin looks: django-unfold's settings."""

from typing import Any

from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def page(title: Any, icon: str, name: str) -> dict[str, Any]:
    """An entry of the side bar; ``icon`` is the name of a Material symbol."""
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}_changelist")}


def unfold(shop_name: str) -> dict[str, Any]:
    return {
        "SITE_TITLE": shop_name,
        "SITE_HEADER": shop_name,
        "SITE_SUBHEADER": _("Administration"),
        "SITE_SYMBOL": "storefront",
        "SHOW_BACK_BUTTON": True,
        "COLORS": {"primary": GREEN},
        "SIDEBAR": {
            "show_search": True,
            "show_all_applications": True,
            "navigation": [
                {
                    "title": _("Sales"),
                    "items": [
                        page(_("Orders"), "receipt_long", "orders_order"),
                        page(_("Shipments"), "local_shipping", "orders_shipment"),
                        page(_("Payments"), "payments", "orders_paymenttransaction"),
                        page(_("Provider calls"), "swap_horiz", "checkout_providercall"),
                        page(_("Mails"), "mail", "checkout_mail"),
                        page(_("Reconciliation runs"), "rule", "checkout_reconciliationrun"),
                        page(_("Discrepancies"), "difference", "checkout_discrepancy"),
                    ],
                },
                {
                    "title": _("Shop"),
                    "items": [
                        page(_("Products"), "inventory_2", "shop_product"),
                        page(_("Categories"), "category", "shop_category"),
                        page(_("Coupons"), "local_activity", "shop_coupon"),
                        page(_("Granted coupons"), "redeem", "shop_coupongrant"),
                        page(_("Redeemed coupons"), "sell", "orders_couponredemption"),
                    ],
                },
                {
                    "title": _("People"),
                    "items": [
                        page(_("Accounts"), "group", "accounts_user"),
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
