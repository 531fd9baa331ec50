"""The rules of the shop's own forms, for what programs send."""

from typing import TypeVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from rest_framework import serializers

F = TypeVar("F", bound=forms.BaseForm)


def typed(form: F) -> F:
    """
    The form, filled in and valid.

    :raises serializers.ValidationError: what the form's own messages say, at its fields.
    """
    if form.is_valid():
        return form
    raise serializers.ValidationError(
        {
            name if name != NON_FIELD_ERRORS else "non_field_errors": [
                serializers.ErrorDetail(str(message), code=error.code or "invalid")
                for error in errors.as_data()
                for message in error.messages
            ]
            for name, errors in form.errors.items()
        }
    )
