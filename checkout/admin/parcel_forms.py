"""What staff type and press on a parcel's page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.forms import PostalForm
from accounts.models import User
from checkout import parcels
from orders.models import Shipment


class CarrierForm(forms.Form):
    """Who carries the parcel, and under what number."""

    BAD_NUMBER = gettext_lazy(
        "Enter the number on the label: 8 to 20 digits and letters. Hyphens do not matter."
    )

    carrier = forms.TypedChoiceField(
        label=gettext_lazy("Carrier"),
        choices=Shipment.Carrier.choices,
        coerce=Shipment.Carrier,
        widget=UnfoldAdminSelectWidget,
    )
    tracking_number = forms.CharField(
        label=gettext_lazy("Tracking number"),
        max_length=30,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Not needed if the shop delivers by itself."),
    )

    @classmethod
    def of(cls, parcel: Shipment) -> Self:
        """Who carries this parcel, or else the company that was given one last."""
        used = Shipment.objects.exclude(carrier__in=["", Shipment.Carrier.OWN]).order_by("-pk")
        carrier = parcel.carrier or used.values_list("carrier", flat=True).first()
        return cls(initial={"carrier": carrier, "tracking_number": parcel.tracking_number})


class AddressForm(PostalForm):
    """The form that shoppers fill in, as the admin looks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})


@dataclass(frozen=True, slots=True)
class Move:
    """What a button does: ``make`` returns a sentence about it, or raises ``CannotMove``."""

    make: Callable[..., str]
    needs_carrier: bool = False


def ship(parcel: Shipment, form: CarrierForm, *, by: User) -> str:
    is_told = parcels.ship(parcel.order_id, **form.cleaned_data, by=by, now=timezone.now())
    if is_told:
        return _("Shipped. The shopper gets a mail about it.")
    return _("Shipped. The shopper was told before, and gets no second mail.")


def correct(parcel: Shipment, form: CarrierForm, *, by: User) -> str:
    parcels.correct(parcel.order_id, **form.cleaned_data, by=by)
    return _("Carrier and number were corrected. The shopper sees them in the order.")


def deliver(parcel: Shipment, form: CarrierForm, *, by: User) -> str:
    parcels.deliver(parcel.order_id, by=by, now=timezone.now())
    return _("The parcel was delivered.")


def undo(parcel: Shipment, form: CarrierForm, *, by: User) -> str:
    parcels.undo(parcel.order_id, by=by)
    return _("The parcel is being prepared again.")


MOVES = {
    "ship": Move(ship, needs_carrier=True),
    "correct": Move(correct, needs_carrier=True),
    "deliver": Move(deliver),
    "undo": Move(undo),
}
