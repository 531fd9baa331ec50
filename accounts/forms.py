from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.phones import KoreanPhoneField


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
