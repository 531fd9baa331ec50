"""
How often somebody may do a thing, counted in the database: for all processes together.

Signing in is counted by allauth, in the cache, with its own numbers.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from api.models import Usage
from api.problems import TOO_OFTEN, Problem

#: A row that is too old begins anew; one statement, so that no two processes count as one.
COUNT = """
    INSERT INTO api_usage ("limit", who, count, began_at) VALUES (%(limit)s, %(who)s, 1, %(now)s)
    ON CONFLICT ("limit", who) DO UPDATE SET
        count = CASE WHEN api_usage.began_at <= %(since)s THEN 1 ELSE api_usage.count + 1 END,
        began_at = CASE WHEN api_usage.began_at <= %(since)s THEN %(now)s
                        ELSE api_usage.began_at END
    RETURNING count, began_at
"""
LONGEST = timedelta(days=1)


class TooOften(Exception):
    """It was done as often as it may be; again after ``seconds``."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """``settings.RATE_LIMITS[name]`` says how often in how many seconds."""

    name: str

    def spend(self, who: object, *, now: datetime) -> None:
        """
        Count once more.

        :raises TooOften: that is more often than it may be.
        """
        most, seconds = settings.RATE_LIMITS[self.name]
        length = timedelta(seconds=seconds)
        values: dict[str, Any] = {
            "limit": self.name,
            "who": str(who),
            "now": now,
            "since": now - length,
        }
        with connection.cursor() as cursor:
            cursor.execute(COUNT, values)
            count, began_at = cursor.fetchone()
        if count > most:
            left = (began_at + length - now).total_seconds()
            raise TooOften(max(1, math.ceil(left)))

    def give_back(self, who: object) -> None:
        """What was counted was none of what is to be limited."""
        usages = Usage.objects.filter(limit=self.name, who=str(who), count__gt=0)
        usages.update(count=F("count") - 1)


#: Announcing a payment to the provider, by account.
READY = Limit("ready")
#: Asking for a payment to be taken, by account.
APPROVE = Limit("approve")
#: Codes of coupons that do not exist, by account: so that nobody finds one by trying.
COUPON = Limit("coupon")


def refusal(error: TooOften) -> Problem:
    problem = Problem(TOO_OFTEN)
    problem.headers["Retry-After"] = str(error.seconds)
    return problem


class Throttle(BaseThrottle):
    """``throttle_classes = [limited(READY)]``: each request counts, by account."""

    limit: Limit

    def allow_request(self, request: Request, view: APIView) -> bool:
        """:raises Problem: TOO_OFTEN."""
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return True
        try:
            self.limit.spend(request.user.pk, now=timezone.now())
        except TooOften as error:
            raise refusal(error) from error
        return True


def limited(limit: Limit) -> type[Throttle]:
    return type("Limited", (Throttle,), {"limit": limit})


def forget_old(*, now: datetime) -> int:
    """Delete what counts for nothing any more. Returns how many rows that were."""
    count, _models = Usage.objects.filter(began_at__lt=now - LONGEST).delete()
    return count
