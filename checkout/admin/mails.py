from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from checkout.models import Mail
from orders.admin import ReadOnlyAdmin


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """What shoppers were told, and what kept a mail from being sent."""

    list_display = ("created_at", "event", "order", "email", "sent_at", "problem")
    list_filter = ("event", ("sent_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("order",)
    search_fields = ("order__number", "order__email")
    search_help_text = _("Order number or e-mail address.")
    readonly_fields = ("email",)
    fields = (
        ("event", "order"),
        ("email", "transaction"),
        "created_at",
        ("claimed_at", "sent_at"),
        "problem",
    )

    @display(description=_("e-mail address"), ordering="order__email")
    def email(self, mail: Mail) -> str:
        return mail.order.email
