from django import forms
from django.utils.translation import gettext_lazy as _
from phonenumber_field.formfields import PhoneNumberField

from accounts.models import User


class ProfileForm(forms.ModelForm[User]):
    """What the shop remembers so that checkout need not ask again."""

    phone = PhoneNumberField(
        label=_("Phone"),
        region="KR",
        required=False,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "tel",
                "inputmode": "tel",
                "type": "tel",
                "placeholder": "010-1234-5678",
            }
        ),
        error_messages={
            "invalid": _("Enter a Korean phone number such as 010-1234-5678 or 02-123-4567."),
        },
    )

    class Meta:
        model = User
        fields = ["name", "phone"]
        labels = {"name": _("Name")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if self.instance.phone:
            self.initial["phone"] = self.instance.phone.as_national
