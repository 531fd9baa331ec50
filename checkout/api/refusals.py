"""Why an order is not placed, or not paid."""

from django.utils.translation import gettext_lazy as _

from api.problems import Kind

CART_IS_EMPTY = Kind(
    "cart_is_empty", 409, _("There is nothing to order."), _("Put something into the cart.")
)
OFFER_CHANGED = Kind(
    "offer_changed",
    409,
    _("It is not what the buyer has seen. Nothing was ordered and nothing charged."),
    _("Show “quote” and “changes”, and order again with the new “expected_total”."),
)
COUPON_REFUSED = Kind(
    "coupon_refused",
    409,
    _("The coupon takes nothing off."),
    _("“why” says the reason; order without it, or with another."),
)
NOT_ENOUGH_POINTS = Kind(
    "not_enough_points",
    409,
    _("There are not so many points to use."),
    _("Use no more than “usable”."),
)
CANNOT_JOIN = Kind(
    "cannot_join",
    409,
    _("The membership in the cart cannot be bought now."),
    _("“why” says the reason: it renews already, or what is due is paid first."),
)
CONSENT_REQUIRED = Kind(
    "consent_required",
    409,
    _("What is charged again and again needs the buyer's consent."),
    _("Show what “membership” of the quote says, and send “consent”: true."),
)
ADDRESS_REQUIRED = Kind(
    "address_required",
    409,
    _("Something in the cart is delivered: say where to."),
    _("Send “address”."),
)
TOO_MUCH = Kind(
    "amount_too_large",
    409,
    _("This is more than one payment can be."),
    _("Order in parts."),
)
PAYMENT_IN_PROGRESS = Kind(
    "payment_in_progress",
    409,
    _("An earlier payment is still being confirmed. Paying again is not needed."),
    _("Ask for the order “order_number” until the outcome is known."),
)
NOT_PAYABLE = Kind(
    "not_payable",
    409,
    _("This order cannot be paid any more."),
    _("It is paid, canceled or too late: ask for the order."),
)
RETURN_URL = Kind(
    "return_url_not_allowed",
    400,
    _("Buyers are not sent to this return_url."),
    _("Use an address of an origin in CLIENT_ORIGINS or of a scheme in CLIENT_APP_SCHEMES."),
)
UNAVAILABLE = Kind(
    "provider_unavailable",
    503,
    _("KakaoPay does not answer at the moment. Nothing was charged."),
    _("The order is kept: send the same again after Retry-After, or pay it later."),
)
