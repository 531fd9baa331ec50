"""What staff write to close a discrepancy, and to settle by hand what it is about."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from checkout.gateways.base import Movement
from shop.templatetags.money import won


class ClosingForm(forms.Form):
    """Why the books differ, and where that can be seen."""

    evidence = forms.CharField(
        label=gettext_lazy("Evidence"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy("Where it can be seen: a file, a mail, a page of the partner site."),
        error_messages={"required": gettext_lazy("Enter where it can be seen.")},
    )
    explanation = forms.CharField(
        label=gettext_lazy("Explanation"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy("Why the books differ, and what was done about it."),
        error_messages={"required": gettext_lazy("Enter why the books differ.")},
    )


class NamingForm(ClosingForm):
    """Also the ``tid`` that somebody has found for a payment."""

    tid = forms.CharField(
        label="tid",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("As the partner site shows it: T and 19 letters and digits."),
        error_messages={"required": gettext_lazy("Enter the tid of the payment.")},
    )
    field_order = ("tid", "evidence", "explanation")


class SettlingForm(ClosingForm):
    """
    Also whether the money moved, and if so, which of the provider's ``movements`` it is;
    ``may_type``: or one whose approval number is typed.
    """

    MOVED, NOT_MOVED = "moved", "not_moved"
    LONGEST_AID = 40

    verdict = forms.ChoiceField(
        label=gettext_lazy("What became of the money"),
        widget=UnfoldAdminRadioSelectWidget,
        error_messages={
            "required": gettext_lazy("Choose whether the money moved."),
            "invalid_choice": gettext_lazy(
                "This cannot be chosen as KakaoPay's books are now: look at them, and choose again."
            ),
        },
    )
    aid = forms.CharField(
        label=gettext_lazy("Approval number (aid)"),
        max_length=LONGEST_AID,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("As the partner site shows it."),
    )
    field_order = ("verdict", "aid", "evidence", "explanation")

    def __init__(
        self, *args: Any, movements: Iterable[Movement], may_type: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        verdict: Any = self.fields["verdict"]
        verdict.choices = [(f"{self.MOVED}:{each.aid}", told(each)) for each in movements]
        if may_type:
            typed = _("The money moved, and its approval number is the one below")
            verdict.choices += [(self.MOVED, typed)]
        else:
            del self.fields["aid"]
        verdict.choices += [(self.NOT_MOVED, _("No money moved"))]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("verdict") == self.MOVED and not cleaned.get("aid"):
            self.add_error("aid", _("Enter the approval number of the movement."))
        return cleaned

    @property
    def moved_as(self) -> str:
        """The approval number of the movement; "" if no money moved."""
        verdict: str = self.cleaned_data["verdict"]
        if verdict == self.NOT_MOVED:
            return ""
        if verdict == self.MOVED:
            typed: str = self.cleaned_data["aid"]
            return typed
        return verdict.removeprefix(f"{self.MOVED}:")


def told(movement: Movement) -> str:
    """One of the movements in the provider's books, as they tell it."""
    amount = _("amount not told") if movement.amount is None else won(movement.amount)
    at = date_format(localtime(movement.at), "Y-m-d H:i:s") if movement.at else "–"
    words = {"aid": movement.aid, "amount": amount, "at": at}
    return _("The money moved: it is %(aid)s (%(amount)s, %(at)s)") % words
