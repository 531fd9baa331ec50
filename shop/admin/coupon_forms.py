"""What staff fill in: a coupon, and to whom it is granted."""

import re
import unicodedata
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminTextareaWidget

from shop.models import Coupon


class CouponForm(forms.ModelForm[Coupon]):
    def clean_code(self) -> str | None:
        """As shoppers' typing is read: in capitals, whatever was typed."""
        code = self.cleaned_data["code"]
        return unicodedata.normalize("NFKC", code).strip().upper() if code else None

    def clean_cap(self) -> int | None:
        return self.not_zero("cap")

    def clean_per_person(self) -> int | None:
        return self.not_zero("per_person")

    def clean_limit(self) -> int | None:
        """Locks the coupon, so that nobody redeems it between this look and the saving."""
        limit = self.not_zero("limit")
        coupon = Coupon.objects.select_for_update(no_key=True).filter(pk=self.instance.pk)
        redeemed = coupon.values_list("redeemed", flat=True).first() or 0
        if limit is not None and limit < redeemed:
            raise forms.ValidationError(
                ngettext(
                    "It has been redeemed %(redeemed)d time already: the limit cannot be lower.",
                    "It has been redeemed %(redeemed)d times already: the limit cannot be lower.",
                    redeemed,
                ),
                params={"redeemed": redeemed},
            )
        return limit

    def clean(self) -> dict[str, Any] | None:
        """For everything or for some goods; for nothing only while it is switched off."""
        said = super().clean()
        if said is None or not {"categories", "products"} <= said.keys():
            return said
        has_goods = said["categories"].exists() or said["products"].exists()
        if said["is_for_all"] and has_goods:
            self.add_error(
                "is_for_all",
                _(
                    "It cannot be for everything and for some goods only: turn this off, or take "
                    "the categories and products away."
                ),
            )
        elif not said["is_for_all"] and not has_goods and said["is_active"]:
            self.add_error(
                "is_for_all",
                _("It would be for nothing: choose a category or a product, or turn this on."),
            )
        return said

    def not_zero(self, field: str) -> int | None:
        number: int | None = self.cleaned_data[field]
        if number == 0:
            raise forms.ValidationError(
                _("With 0 nobody could use the coupon. Leave it empty for no limit.")
            )
        return number


class GrantForm(forms.Form):
    people = forms.CharField(
        label=gettext_lazy("E-mail addresses"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "One a line, or with commas between them. Who has the coupon already keeps it, and "
            "does not get a second one."
        ),
        error_messages={"required": gettext_lazy("Enter at least one e-mail address.")},
    )

    def clean_people(self) -> list[str]:
        """The addresses, however they are parted; also as mail programs copy them: Kim <a@b.kr>."""
        people: list[str] = []
        for part in re.split(r"[,;\n]", self.cleaned_data["people"]):
            people += re.findall(r"<([^<>\s]+)>", part) or part.split()
        if not people:
            raise forms.ValidationError(self.fields["people"].error_messages["required"])
        return people
