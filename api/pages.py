from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination


class Pages(CursorPagination):
    """``next`` and ``previous`` are whole addresses; rows that come meanwhile shift nothing."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"

    def paginate_queryset(self, *args: Any, **kwargs: Any) -> Any:
        """:raises exceptions.ValidationError: the cursor is none that was given."""
        try:
            return super().paginate_queryset(*args, **kwargs)
        except (exceptions.NotFound, DataError, ValueError, ValidationError) as error:
            said = _("This cursor is none that was given here: take “next” of an answer.")
            raise exceptions.ValidationError({"cursor": [said]}, code="cursor") from error
