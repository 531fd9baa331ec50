from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import second_factors
from accounts.models import User


class Command(BaseCommand):
    help = (
        "Take somebody's second factor away, when the device is lost and nobody else can. The "
        "admin's log keeps it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="whose second factor")

    def handle(self, *, email: str, **options: Any) -> None:
        try:
            person = User.objects.get(email__iexact=email)
        except User.DoesNotExist as unknown:
            raise CommandError(f"Nobody has the address {email}.") from unknown
        with transaction.atomic():
            if not second_factors.reset(person):
                raise CommandError(f"{person.email} has no second factor.")
            log(person)
        self.stdout.write(
            f"{person.email} signs in with the password alone until a new one is set up."
        )


def log(person: User) -> None:
    """Under their own name: an entry needs one, and who ran the command is not known."""
    message = _("Second factor reset on the server, by manage.py reset_second_factor.")
    LogEntry.objects.log_actions(person.pk, [person], CHANGE, message, single_object=True)
