from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from checkout.models import Mail
from orders.admin import FoundByOrder, ReadOnlyAdmin


@admin.register(Mail)
class MailAdmin(FoundByOrder, ReadOnlyAdmin):
    """What shoppers were told, and what kept a mail from being sent."""

    change_form_outer_before_template = "admin/checkout/mail/send_again.html"
    list_display = ("created_at", "event", "order", "email", "nth", "sent_at", "problem")
    list_filter = ("event", ("sent_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("order",)
    readonly_fields = ("email",)
    fields = (
        ("event", "order"),
        ("email", "transaction"),
        "created_at",
        ("nth", "requested_by"),
        ("claimed_at", "sent_at"),
        "problem",
    )

    @display(description=_("e-mail address"), ordering="order__email")
    def email(self, mail: Mail) -> str:
        return mail.order.email
