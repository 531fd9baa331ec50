"""Django's PostgreSQL backend, which can also start a PostgreSQL of its own."""

from django.db.utils import OperationalError


class DatabaseUnreachable(OperationalError):
    """The database did not accept a connection; the message says which and what to check."""
