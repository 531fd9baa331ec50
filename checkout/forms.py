import unicodedata
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import PostalForm
from accounts.models import User
from accounts.phones import KoreanPhoneField
from orders.models import OrderLine
from orders.placing import Contact
from orders.quoting import Wish


class CheckoutForm(forms.Form):
    """Whom to reach about the order, and the consent to it."""

    name = forms.CharField(
        label=_("Name"),
        max_length=50,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Enter the name of the person who orders.")},
    )
    phone = KoreanPhoneField(label=_("Phone"))
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": _("Enter an e-mail address for the receipt."),
            "invalid": _("Enter a whole e-mail address such as name@example.com."),
        },
    )
    consent = forms.BooleanField(
        label=_("I have checked what I am ordering and agree to the purchase."),
        error_messages={"required": _("Tick the box if you agree to the purchase.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:
            self.focus_first_error()

    @classmethod
    def for_user(cls, user: User) -> "CheckoutForm":
        """A form that already knows what the account, or else its latest order, knows."""
        last = None if user.name and user.phone else user.orders.first()
        phone = user.phone or (last and last.phone)
        return cls(
            initial={
                "name": user.name or (last.name if last else ""),
                "phone": phone.as_national if phone else "",
                "email": last.email if last else user.email,
            }
        )

    def focus_first_error(self) -> None:
        for name in self.fields:
            if name in self.errors:
                self.fields[name].widget.attrs["autofocus"] = True
                return

    @property
    def contact(self) -> Contact:
        data = self.cleaned_data
        return Contact(name=data["name"], phone=data["phone"].as_e164, email=data["email"])


class DestinationForm(PostalForm):
    """Where the goods go, and whether the account keeps it."""

    is_saved = forms.BooleanField(label=_("Save this address to my account"), required=False)


class PointsField(forms.IntegerField):
    """A number of points, with commas and blanks or without; nothing is none."""

    def to_python(self, value: Any) -> int:
        digits = unicodedata.normalize("NFKC", str(value or "")).replace(",", "").replace(" ", "")
        return super().to_python(digits) or 0


class DiscountForm(forms.Form):
    """
    How the buyer would pay less: by one of their coupons, a code that they type, points.

    ``refused`` is a code of which the page has said why it is not applied. It stays in its field,
    but counts no more unless the buyer presses ``apply`` again.
    """

    coupon = forms.CharField(max_length=24, required=False)
    refused = forms.CharField(max_length=40, required=False)
    apply = forms.CharField(max_length=1, required=False)
    code = forms.CharField(
        max_length=40,
        required=False,
        error_messages={"max_length": _("There is no such coupon. Please check the code.")},
    )
    points = PointsField(
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        error_messages={
            "invalid": _("Enter a whole number of points."),
            "min_value": _("Enter a whole number of points."),
            "max_value": _("You do not have so many points."),
        },
    )

    @classmethod
    def for_wish(cls, wish: Wish) -> "DiscountForm":
        """A form that says so already."""
        return cls({"coupon": wish.coupon, "points": wish.points})

    @property
    def wish(self) -> Wish:
        """What was chosen; a code that was typed goes before a coupon that was picked."""
        self.is_valid()
        said = self.cleaned_data
        code = said.get("code") or ""
        if code == said.get("refused") and not said.get("apply"):
            code = ""
        return Wish(code or self.picked, said.get("points") or 0)

    @property
    def picked(self) -> str:
        return self.cleaned_data.get("coupon") or ""


class CancelForm(forms.Form):
    """Why the buyer cancels their order, if they care to say."""

    reason = forms.CharField(
        label=_("Why do you cancel?"),
        max_length=300,
        required=False,
        error_messages={"max_length": _("Please say it in %(limit_value)d letters.")},
    )


def wrong_number(line: OrderLine) -> str:
    return gettext("Enter a number from 0 to %(most)d.") % {"most": line.kept}


class AskForm(forms.Form):
    """
    Of which ``lines`` how many pieces the buyer wants to give back, and why. ``pieces`` has what
    they chose, by the id of its line.
    """

    reason = forms.CharField(
        label=_("What is wrong?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("We read it before we answer. Please tell us if something arrived broken."),
        error_messages={
            "required": _("Tell us why you want to give it back."),
            "max_length": _("Please say it in %(limit_value)d letters."),
        },
    )

    def __init__(self, *args: Any, lines: Sequence[OrderLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = lines
        if not any(line.needs_delivery for line in lines):
            self.fields["reason"].help_text = _("We read it before we answer.")
        for line in lines:
            said = wrong_number(line)
            self.fields[self.name_of(line)] = forms.IntegerField(
                label=line.name,
                min_value=0,
                max_value=line.kept,
                initial=line.kept if len(lines) == 1 else 0,
                required=False,
                localize=False,
                error_messages={"invalid": said, "min_value": said, "max_value": said},
            )

    @staticmethod
    def name_of(line: OrderLine) -> str:
        return f"pieces-{line.pk}"

    @property
    def rows(self) -> list[tuple[OrderLine, forms.BoundField]]:
        return [(line, self[self.name_of(line)]) for line in self.lines]

    @property
    def pieces(self) -> dict[int, int]:
        chosen = {line.pk: self.cleaned_data.get(self.name_of(line)) for line in self.lines}
        return {pk: count for pk, count in chosen.items() if count}

    def clean(self) -> None:
        if not self.errors and not self.pieces:
            raise forms.ValidationError(_("Choose what you want to give back."))
