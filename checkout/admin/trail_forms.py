"""What the audit trail can be narrowed to."""

from datetime import datetime
from typing import Any

from django import forms
from django.db.models.functions import Lower
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from checkout import trail

KINDS = {model._meta.label_lower: model for model in trail.MODELS}


class TrailForm(forms.Form):
    """Which part of the trail; what is left empty does not narrow it."""

    person = forms.CharField(
        label=gettext_lazy("Whose work"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": gettext_lazy("E-mail address")}),
    )
    about = forms.ChoiceField(
        label=gettext_lazy("About"), required=False, widget=UnfoldAdminSelectWidget
    )
    day = forms.DateField(
        label=gettext_lazy("Day"), required=False, widget=UnfoldAdminSingleDateWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(label, capfirst(str(model._meta.verbose_name))) for label, model in KINDS.items()]
        about: Any = self.fields["about"]
        about.choices = [("", _("everything")), *kinds]

    def clean_person(self) -> int | None:
        """The id of who has this address, in whatever case it is typed."""
        email: str = self.cleaned_data["person"].strip().lower()
        if not email:
            return None
        found = User.objects.alias(lower=Lower("email")).filter(lower=email)
        person = found.values_list("pk", flat=True).first()
        if person is None:
            raise forms.ValidationError(_("Nobody has this e-mail address."))
        return person

    def page(self, until: datetime | None) -> trail.Page:
        """What was asked for; nothing, if that cannot be understood."""
        if not self.is_valid():
            return trail.Page([], None)
        asked = self.cleaned_data
        wanted = trail.Wanted(
            model=KINDS.get(asked["about"]), person=asked["person"], day=asked["day"], until=until
        )
        return trail.read(wanted)
