"""What staff type when they give money back, or decide whether somebody else may."""

import unicodedata
from typing import Any, Self

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from checkout.admin import refund_outlook
from orders import refunding
from orders.models import Order, OrderLine, Refund, RefundRequest

Kind = Refund.Kind


class NumberField(forms.IntegerField):
    """A whole number with or without commas, in a narrow field."""

    def __init__(self, **given: Any) -> None:
        attrs = {"inputmode": "numeric", "autocomplete": "off"}
        super().__init__(widget=UnfoldAdminTextInputWidget(attrs), **given)

    def to_python(self, value: Any) -> int | None:
        digits = unicodedata.normalize("NFKC", str(value or "")).replace(",", "").replace(" ", "")
        return super().to_python(digits)


class ReasonForm(forms.Form):
    """Why money goes back."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("The buyer reads it in the mail about the refund."),
        error_messages={"required": _("Enter why the money goes back.")},
    )


KIND_LABELS = {
    Kind.FULL: _("All that is left"),
    Kind.LINES: _("By line"),
    Kind.AMOUNT: _("By amount"),
}


class RefundForm(ReasonForm):
    """
    What of one order goes back: all, pieces of its lines, or an amount; and why.

    What the chosen way does not use may hold anything. ``seen`` are the figures of the plan that
    the page showed. ``lines`` are those that have pieces left, each with the name of its field.
    """

    kind = forms.ChoiceField(
        label=_("Give back"),
        widget=UnfoldAdminRadioSelectWidget,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), _("Choose what goes back: this is not possible.")
        ),
    )
    amount = NumberField(
        label=_("Amount in won"),
        required=False,
        min_value=1,
        error_messages={
            "invalid": _("Enter a whole number of won."),
            "min_value": _("Refund at least 1 won."),
        },
    )
    with_delivery = forms.BooleanField(
        label=_("The delivery fee"), required=False, widget=UnfoldBooleanWidget
    )
    restock = forms.BooleanField(
        label=_("Put the goods back into stock"), required=False, widget=UnfoldBooleanWidget
    )
    seen = forms.CharField(required=False)

    field_order = ("kind", "amount", "with_delivery", "restock", "reason")

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = refund_outlook.kinds(order)
        self.took_stock = refund_outlook.took_stock(order)
        choices = [(kind.value, KIND_LABELS[kind]) for kind in self.kinds]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        self.lines = [(pieces_of(line.pk), line) for line in refund_outlook.lines_left(order)]
        for name, line in self.lines:
            self.fields[name] = pieces_field(line)

    @classmethod
    def first(cls, order: Order, asked: RefundRequest | None) -> Self:
        """
        A form that says so already: all that is left, or what the buyer ``asked`` for.

        Only a parcel that never left is put back into stock unless somebody says so.
        """
        said: dict[str, Any] = {"kind": Kind.FULL.value}
        if asked is None:
            said["restock"] = not refund_outlook.has_left(order)
        else:
            kept = {line.pk: line.kept for line in refund_outlook.lines_left(order)}
            wanted = {each.line_id: each.quantity for each in asked.lines.all()}
            pieces = {pieces_of(pk): min(wanted[pk], kept[pk]) for pk in wanted if pk in kept}
            said |= {"kind": Kind.LINES.value, "reason": asked.reason, **pieces}
        form = cls(said, order=order)
        form.forget_the_reason()
        return form

    def clean(self) -> None:
        said = self.cleaned_data
        said["restock"] = said.get("restock") and self.took_stock
        if said.get("kind") != Kind.AMOUNT:
            self.errors.pop("amount", None)
        elif said.get("amount") is None and "amount" not in self.errors:
            self.add_error("amount", _("Enter how many won to refund."))
        if said.get("kind") != Kind.LINES:
            for name, _line in self.lines:
                self.errors.pop(name, None)
        elif self.is_clear and not (self.pieces or said["with_delivery"]):
            self.add_error("kind", _("Choose at least one piece, or the delivery fee."))

    def forget_the_reason(self) -> None:
        """Nobody has been asked for it yet, so that there is none is no error."""
        self.errors.pop("reason", None)

    @property
    def is_clear(self) -> bool:
        """Is it clear what goes back, whether or not it is said why?"""
        return not set(self.errors) - {"reason", NON_FIELD_ERRORS}

    @property
    def problem(self) -> str:
        """Why it is not clear."""
        fields = set(self.errors) - {"reason", NON_FIELD_ERRORS}
        return " ".join(str(self.errors[name][0]) for name in self.fields if name in fields)

    @property
    def pieces(self) -> dict[int, int]:
        """How many pieces of which line, by its id."""
        wanted = {line.pk: self.cleaned_data.get(name) for name, line in self.lines}
        return {pk: quantity for pk, quantity in wanted.items() if quantity}

    @property
    def scope(self) -> refunding.Scope:
        """Of a form that ``is_clear``."""
        said = self.cleaned_data
        if said["kind"] == Kind.AMOUNT:
            return refunding.by_amount(said["amount"], restock=said["restock"])
        if said["kind"] == Kind.FULL:
            return refunding.everything(restock=said["restock"])
        return refunding.by_line(
            self.pieces, with_delivery=said["with_delivery"], restock=said["restock"]
        )


def pieces_of(line_id: int) -> str:
    """The name of a line's field."""
    return f"pieces-{line_id}"


def pieces_field(line: OrderLine) -> NumberField:
    """How many pieces of the line go back; none if it is left empty."""
    words = {"name": line.name, "count": line.kept}
    sentence = gettext("“%(name)s”: enter a number from 0 to %(count)d.") % words
    return NumberField(
        label=line.name,
        required=False,
        min_value=0,
        max_value=line.kept,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), sentence),
    )


class SelectedForm(ReasonForm):
    """Why all that is left of several orders goes back."""

    restock = forms.BooleanField(
        label=_("Put the goods back into stock"), required=False, widget=UnfoldBooleanWidget
    )


class RejectForm(forms.Form):
    """Why a refund is not approved."""

    why = forms.CharField(
        label=_("Why not"),
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Staff read it; the buyer does not."),
        error_messages={"required": _("Enter why nothing goes back.")},
    )


class DeclineForm(forms.Form):
    """What the buyer is told when their request is declined."""

    answer = forms.CharField(
        label=_("Answer to the buyer"),
        max_length=300,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("It is mailed to the buyer."),
        error_messages={"required": _("Enter what the buyer is told.")},
    )
