"""Pages of lists that may be a million rows long."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

#: As far as staff can turn pages: a day's orders and more. What is older is found by its period.
MOST = 10_000


class BoundedPaginator(Paginator[Any]):
    """
    Counts no further than ``MOST`` rows, in the order that the list has, and shows none beyond.

    So no page view counts the whole table, or skips most of it to show its end.
    """

    template_name = "admin/bounded_pagination.html"

    @cached_property
    def counted(self) -> int:
        """The rows, or ``MOST`` + 1 if there are more than ``MOST``."""
        rows: Any = self.object_list
        return int(rows[: MOST + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self.counted, MOST)

    @property
    def has_more(self) -> bool:
        return self.counted > MOST
