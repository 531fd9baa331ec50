import re
import unicodedata
from typing import Any, Self

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from accounts.addresses import Destination
from accounts.models import Address, PostalAddress, User
from accounts.phones import KoreanPhoneField

NOTES = [
    _("Please leave it at the door."),
    _("Please call before you come."),
    _("Please leave it at the security office."),
    _("Please put it into the parcel locker."),
]


class ProfileForm(forms.ModelForm[User]):
    """What the shop remembers so that checkout need not ask again."""

    phone = KoreanPhoneField(label=_("Phone"), required=False)

    class Meta:
        model = User
        fields = ["name", "phone"]
        labels = {"name": _("Name")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if self.instance.phone:
            self.initial["phone"] = self.instance.phone.as_national


class LineField(forms.CharField):
    """One line of text in composed letters, without the blanks that copying brings along."""

    def to_python(self, value: Any) -> str:
        return " ".join(unicodedata.normalize("NFC", super().to_python(value) or "").split())


class PostcodeField(forms.CharField):
    """Five digits, whatever blanks are around them and whatever width they have."""

    default_validators = [
        RegexValidator(r"^[0-9]{5}\Z", _("Enter the five digits of the postal code."))
    ]

    def to_python(self, value: Any) -> str:
        return re.sub(r"\s", "", unicodedata.normalize("NFKC", super().to_python(value) or ""))


class NoteInput(forms.TextInput):
    """A line of text with the usual notes for couriers to choose from."""

    template_name = "account/address_note.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        suggestions = f"{name}-notes"
        context = super().get_context(name, value, {**(attrs or {}), "list": suggestions})
        return context | {"notes": NOTES}


class PostalForm(forms.Form):
    """Where a parcel goes, and whom the courier calls."""

    recipient = LineField(
        label=_("Recipient"),
        max_length=50,
        widget=forms.TextInput(attrs={"autocomplete": "shipping name"}),
        error_messages={"required": _("Enter the name of the person who receives the parcel.")},
    )
    phone = KoreanPhoneField(label=_("Recipient's phone"))
    phone.widget.attrs["autocomplete"] = "shipping tel"
    postcode = PostcodeField(
        label=_("Postal code"),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "shipping postal-code",
                "inputmode": "numeric",
                "placeholder": "06236",
                "class": "postcode",
            }
        ),
        error_messages={"required": _("Enter the postal code.")},
    )
    line1 = LineField(
        label=_("Address"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "shipping address-line1"}),
        error_messages={"required": _("Enter the street and number.")},
    )
    line2 = LineField(
        label=_("Flat, floor, building"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "shipping address-line2"}),
    )
    memo = LineField(
        label=_("Note for the courier"),
        max_length=100,
        required=False,
        widget=NoteInput(attrs={"autocomplete": "off", "placeholder": NOTES[0]}),
    )

    @classmethod
    def of(cls, address: PostalAddress | None, user: User, **kwargs: Any) -> Self:
        """A form that already knows the address, or else what the account knows."""
        initial: dict[str, Any] = {"recipient": user.name, "phone": user.phone}
        if address:
            initial = {name: getattr(address, name) for name in PostalForm.base_fields}
        initial["phone"] = initial["phone"].as_national if initial["phone"] else ""
        return cls(initial=initial, **kwargs)

    @property
    def destination(self) -> Destination:
        """What a valid form says."""
        data = {name: self.cleaned_data[name] for name in PostalForm.base_fields}
        return Destination(**data | {"phone": data["phone"].as_e164})


class AddressForm(PostalForm):
    """A saved address, what its owner calls it, and whether it is offered first."""

    label = LineField(
        label=_("What you call it"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("For example: home, office."),
    )
    is_default = forms.BooleanField(label=_("Offer this address first"), required=False)

    field_order = ["label"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wrong = next((name for name in self.fields if name in self.errors), None)
        if wrong:
            self.fields[wrong].widget.attrs["autofocus"] = True

    @classmethod
    def of(cls, address: PostalAddress | None, user: User, **kwargs: Any) -> Self:
        form = super().of(address, user, **kwargs)
        if isinstance(address, Address):
            form.initial.update(label=address.label, is_default=address.is_default)
        return form
