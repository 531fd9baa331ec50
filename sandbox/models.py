"""The ledger: payments, the money that moved, SIDs, calls received, faults and the clock."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

from .amounts import Amount


def new_id(letter: str, now: datetime) -> str:
    """An id as KakaoPay makes them: the letter, 7 hex digits of the time, 12 of chance."""
    seconds = f"{int(now.timestamp()):x}"
    return letter + seconds[-7:] + secrets.token_hex(6)


class Status(models.TextChoices):
    """KakaoPay's payment statuses. The sandbox never sends messages nor rings anybody up."""

    READY = "READY", "요청"
    OPEN_PAYMENT = "OPEN_PAYMENT", "결제창 열림"
    SELECT_METHOD = "SELECT_METHOD", "수단 선택"
    AUTH_PASSWORD = "AUTH_PASSWORD", "비밀번호 인증"
    ISSUED_SID = "ISSUED_SID", "SID 발급"
    SUCCESS_PAYMENT = "SUCCESS_PAYMENT", "결제 완료"
    PART_CANCEL_PAYMENT = "PART_CANCEL_PAYMENT", "부분 취소"
    CANCEL_PAYMENT = "CANCEL_PAYMENT", "전체 취소"
    FAIL_AUTH_PASSWORD = "FAIL_AUTH_PASSWORD", "인증 실패"
    QUIT_PAYMENT = "QUIT_PAYMENT", "중단"
    FAIL_PAYMENT = "FAIL_PAYMENT", "실패"


PENDING = (Status.READY, Status.OPEN_PAYMENT, Status.SELECT_METHOD, Status.AUTH_PASSWORD)
DONE = (
    Status.SUCCESS_PAYMENT,
    Status.ISSUED_SID,
    Status.PART_CANCEL_PAYMENT,
    Status.CANCEL_PAYMENT,
)


class Method(models.TextChoices):
    """What a payer can pay with."""

    CARD = "CARD", "카드"
    MONEY = "MONEY", "카카오페이머니"


class Subscription(models.Model):
    """A payer's standing permission to be charged, named by its SID."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", "이용 중"
        INACTIVE = "INACTIVE", "해지됨"

    class By(models.TextChoices):
        API = "API", "가맹점"
        PAYER = "PAYER", "결제자"

    sid = models.CharField(max_length=20, unique=True)
    cid = models.CharField(max_length=10)
    partner_user_id = models.CharField(max_length=100)
    item_name = models.CharField(max_length=100)
    payment_method_type = models.CharField(max_length=5, choices=Method)
    issuer = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    created_at = models.DateTimeField()
    last_approved_at = models.DateTimeField(null=True)
    inactivated_at = models.DateTimeField(null=True)
    inactivated_by = models.CharField(max_length=5, choices=By, blank=True)
    decline = models.CharField(max_length=30, blank=True, help_text="The next charges fail so.")
    decline_times = models.PositiveIntegerField(
        null=True, help_text="Charges that will fail. Null: all, until it is cleared."
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.sid


class Payment(models.Model):
    """One tid: what was asked for, what the payer did about it, and where it stands."""

    tid = models.CharField(max_length=20, unique=True)
    page = models.CharField(max_length=64, unique=True, help_text="Names the payer's pages.")
    site = models.CharField(max_length=255, help_text="The address those pages are under.")
    cid = models.CharField(max_length=10)
    status = models.CharField(max_length=20, choices=Status, default=Status.READY)
    partner_order_id = models.CharField(max_length=100, db_index=True)
    partner_user_id = models.CharField(max_length=100)
    item_name = models.CharField(max_length=100)
    item_code = models.CharField(max_length=100, blank=True)
    quantity = models.PositiveIntegerField()
    total_amount = models.PositiveIntegerField()
    tax_free_amount = models.PositiveIntegerField()
    vat_amount = models.PositiveIntegerField()
    green_deposit = models.PositiveIntegerField(default=0)
    approval_url = models.CharField(max_length=255, blank=True)
    cancel_url = models.CharField(max_length=255, blank=True)
    fail_url = models.CharField(max_length=255, blank=True)
    available_cards = models.JSONField(default=list, help_text="Empty: every card.")
    only_method = models.CharField(max_length=5, choices=Method, blank=True)
    only_instalment = models.PositiveSmallIntegerField(null=True)
    payment_method_type = models.CharField(max_length=5, choices=Method, blank=True)
    issuer = models.CharField(max_length=20, blank=True)
    instalment = models.PositiveSmallIntegerField(default=0, help_text="Months; 0 is at once.")
    decline = models.CharField(max_length=30, blank=True, help_text="Approval ends with this.")
    pg_token = models.CharField(max_length=20, blank=True)
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, related_name="payments", db_index=False
    )
    created_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    canceled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                name="charges_of_a_subscription",
                fields=["subscription", "approved_at", "status"],
                condition=models.Q(subscription__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.tid

    @property
    def expires_at(self) -> datetime:
        """When the window to approve it closes."""
        return self.created_at + timedelta(seconds=settings.SANDBOX_WINDOW_SECONDS)

    @property
    def amount(self) -> Amount:
        """What was asked for."""
        return Amount(
            total=self.total_amount,
            tax_free=self.tax_free_amount,
            vat=self.vat_amount,
            green_deposit=self.green_deposit,
        )

    @property
    def canceled(self) -> Amount:
        """What has gone back to the payer."""
        cancels = (a for a in self.actions.all() if a.type == Action.Type.CANCEL)
        return sum((action.amount for action in cancels), Amount())

    @property
    def available(self) -> Amount:
        """What can still go back to the payer: nothing, unless it was paid."""
        paid = any(action.type == Action.Type.PAYMENT for action in self.actions.all())
        return self.amount - self.canceled if paid else Amount()


class Action(models.Model):
    """One movement on a payment, named by its aid. Only ``planting`` changes what is written."""

    class Type(models.TextChoices):
        PAYMENT = "PAYMENT", "결제"
        CANCEL = "CANCEL", "취소"
        ISSUED_SID = "ISSUED_SID", "SID 발급"

    class By(models.TextChoices):
        API = "API"
        CONSOLE = "CONSOLE"

    aid = models.CharField(max_length=20, unique=True)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="actions")
    type = models.CharField(max_length=10, choices=Type)
    by = models.CharField(max_length=7, choices=By, default=By.API)
    total = models.PositiveIntegerField()
    tax_free = models.PositiveIntegerField()
    vat = models.PositiveIntegerField()
    green_deposit = models.PositiveIntegerField(default=0)
    payload = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.aid

    @property
    def amount(self) -> Amount:
        """What moved."""
        return Amount(
            total=self.total,
            tax_free=self.tax_free,
            vat=self.vat,
            green_deposit=self.green_deposit,
        )


class ApiCall(models.Model):
    """One request a client sent, secrets masked, and what it was answered."""

    endpoint = models.CharField(max_length=20)
    received_at = models.DateTimeField()
    tid = models.CharField(max_length=20, blank=True, db_index=True)
    sid = models.CharField(max_length=20, blank=True, db_index=True)
    request = models.TextField(blank=True)
    http_status = models.PositiveSmallIntegerField()
    answer = models.TextField(blank=True)
    fault = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.http_status}"


class Fault(models.Model):
    """Something that will go wrong with the next calls of an endpoint."""

    class When(models.TextChoices):
        BEFORE = "before", "before any money moves"
        AFTER = "after", "after the money moved and was written down"

    endpoint = models.CharField(max_length=20)
    when = models.CharField(max_length=6, choices=When)
    kind = models.CharField(max_length=40)
    times = models.PositiveIntegerField(
        null=True, default=1, help_text="Calls it will strike. Null: all, until it is cleared."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.when}: {self.kind}"


class Clock(models.Model):
    """The one row that says how far the sandbox's clock has been moved."""

    offset_seconds = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.offset_seconds:+} s"
