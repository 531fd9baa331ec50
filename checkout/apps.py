from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from checkout.checks import front_ends, memberships, subscription_cid


class CheckoutConfig(AppConfig):
    name = "checkout"
    verbose_name = _("Checkout")

    def ready(self) -> None:
        checks.register(front_ends)
        checks.register(memberships)
        checks.register(subscription_cid)
