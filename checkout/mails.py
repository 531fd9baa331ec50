"""
Mail to shoppers about their money and their parcels: once for each event, whatever is killed on
the way.

``write`` puts the mail and its job into the transaction that makes the event true. ``send`` claims
a mail, speaks SMTP with no transaction open, and notes how it went. ``send_unsent`` comes by each
minute for what was left over.
"""

import logging
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.db.models import DateTimeField, F, Q, QuerySet, Value
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from accounts.models import Membership, User
from checkout import membership_mails
from checkout.models import Mail, is_news
from orders import fulfilment
from orders.locking import locked
from orders.models import Order, PaymentTransaction, Refund, RefundRequest, Shipment

logger = logging.getLogger(__name__)

#: Longer than a run and a slow mail server (EMAIL_TIMEOUT) can take: who held it was killed.
CLAIM_LASTS = timedelta(minutes=5)
#: The mail's own job has so long before ``send_unsent`` takes an interest.
LEFT_OVER_AFTER = timedelta(minutes=1)
#: A run of ``send_unsent`` takes up so many mails, and begins with none after so many seconds.
RUN_MAILS = 100
RUN_SECONDS = 40

SUBJECTS = {
    Mail.Event.PAID: _("Your order %(number)s is confirmed"),
    Mail.Event.REFUNDED: _("We refunded your order %(number)s"),
    Mail.Event.NOT_CHARGED: _("Your order %(number)s was not charged"),
    Mail.Event.SHIPPED: _("Your order %(number)s is on its way"),
    Mail.Event.DECLINED: _("About your refund request for order %(number)s"),
    Mail.Event.REFUSED: _("Your membership could not be renewed"),
    Mail.Event.METHOD: _("Please register how you pay for your membership"),
    Mail.Event.UNPAID: _("Your membership has ended"),
    Mail.Event.ENDED: _("Your membership has ended"),
    Mail.Event.STOPPED: _("Your membership will not renew"),
    Mail.Event.RESUMED: _("Your membership will renew"),
    Mail.Event.PRICE: _("The price of your membership changes"),
    Mail.Event.TRIAL_ENDS: _("Your free trial ends soon"),
}

REFUNDED_IN_PART = _("We refunded a part of your order %(number)s")
RENEWED = _("Your membership is renewed")
REGISTERED = _("Your payment method is registered")
PRICE_STAYS = _("The price of your membership stays as it is")

#: One statement, because a buyer is waiting: get_or_create would take four.
INSERT = """
    INSERT INTO checkout_mail
        (order_id, transaction_id, refund_id, request_id, event, nth, created_at, problem)
    VALUES (%s, %s, %s, %s, %s, %s, %s, '') ON CONFLICT DO NOTHING RETURNING id
"""


#: What a mail may be about, and the pieces of that.
ABOUT = ("order__shipment", "transaction", "refund", "request")
PIECES = ("refund__lines__line", "request__lines__line")


class CannotSend(Exception):
    """The mail server, or a fault of ours, kept a mail from being sent."""


class CannotSendAgain(Exception):
    """
    No second mail is written.

    CannotSendAgain
    ├── NotTrueAnyMore  what the mail says has been overtaken by events
    └── NotSentYet      the first is still waiting, and will be sent
    """


class NotTrueAnyMore(CannotSendAgain):
    """What the mail says has been overtaken by events."""


class NotSentYet(CannotSendAgain):
    """The same mail is still waiting, and will be sent."""


def write(
    event: Mail.Event,
    order: Order,
    txn: PaymentTransaction | None = None,
    *,
    refund: Refund | None = None,
    request: RefundRequest | None = None,
    nth: int = 1,
) -> None:
    """
    Put a mail, and the job that sends it, into the transaction that makes the event true.

    If that is rolled back there is neither. A second mail about the same event is not written.

    :param txn: the money that moved; None for a parcel, or where points and coupon paid it all.
    """
    about = [each.pk if each else None for each in (txn, refund, request)]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [order.pk, *about, event.value, nth, timezone.now()])
        row = cursor.fetchone()
    if row:
        send_soon(row[0])


def about(event: Mail.Event, membership: Membership) -> None:
    """
    Put a mail about a membership into the transaction that makes the event true; it goes with the
    membership's last order. The caller has locked the membership.
    """
    orders = Order.objects.filter(user=membership.user_id, period__membership=membership)
    order = orders.latest("placed_at")
    before = Mail.objects.filter(order=order, transaction=None, event=event)
    write(event, order, nth=max(before.values_list("nth", flat=True), default=0) + 1)


def send_again(mail: Mail, *, by: User, now: datetime) -> Mail:
    """
    Write the same mail once more, because its reader says that it never came.

    :raises CannotSendAgain: nothing is written.
    """
    with locked(mail.order_id):
        current = Mail.objects.select_related(*ABOUT).filter(pk=mail.pk).first()
        if current is None or is_overtaken(current) or confirms_nothing(current):
            raise NotTrueAnyMore
        about = {name: getattr(mail, name) for name in ("order", "transaction", "refund")}
        same = Mail.objects.filter(**about, request=mail.request, event=mail.event)
        if same.filter(is_news(now=now), sent_at=None).exists():
            raise NotSentYet
        nth = max(same.values_list("nth", flat=True)) + 1
        fields = {"event": mail.event, "nth": nth, "requested_by": by, "created_at": now}
        again = Mail.objects.create(**about, request=mail.request, **fields)
        send_soon(again.pk)
        return again


def send_soon(mail_pk: int) -> None:
    """
    Put the job that sends a mail into the transaction that is open. In a worker ``send_mail.defer``
    would not: there the queue has connections of its own.
    """
    job = configure_task(
        name=send_mail.name,
        job_manager=JobManager(DjangoConnector()),
        queue=send_mail.queue,
        priority=send_mail.priority,
    )
    job.defer(pk=mail_pk)


@app.task(
    queue="mail",
    priority=-1,  # where a slow mail server makes workers wait, payments go first
    retry=RetryStrategy(max_attempts=7, exponential_wait=4),
)
def send_mail(pk: int) -> bool:
    """Tried again after 4 s, 16 s, and so on, up to 4½ hours."""
    return send(pk, now=timezone.now())


def send(mail_pk: int, *, now: datetime) -> bool:
    """
    Send one mail, unless it was sent or somebody is at it.

    Whoever is killed after the mail server took the mail, and before that is committed, leaves a
    mail that is sent a second time. It then carries the same Message-ID, which is made from what
    the mail is about, so that mail servers and readers can tell that it is the same.

    :returns: whether this call sent it.
    :raises CannotSend: the mail's ``problem`` says why, and it can be claimed anew.
    """
    with transaction.atomic(durable=True):
        if not claim(mail_pk, now=now):
            return False
    mail = still_true(mail_pk)
    if mail is None:
        return False
    try:
        compose(mail).send()  # no transaction is open here
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"[:300]
        Mail.objects.filter(pk=mail_pk, claimed_at=now).update(problem=problem)
        logger.warning("mail %s could not be sent: %s", mail_pk, problem)
        raise CannotSend(problem) from error
    Mail.objects.filter(pk=mail_pk).update(sent_at=now, problem="")
    return True


def claim(mail_pk: int, *, now: datetime) -> bool:
    """Compare-and-swap: of all who want to send a mail, one may."""
    return bool(free(now=now).filter(pk=mail_pk).update(claimed_at=now, problem=""))


def free(*, now: datetime) -> QuerySet[Mail]:
    """Not sent, and nobody is sending: never tried, tried in vain, or whoever tried was killed."""
    never, in_vain = Q(claimed_at=None), ~Q(problem="")
    killed = Q(claimed_at__lte=now - CLAIM_LASTS)
    return Mail.objects.filter(never | in_vain | killed, sent_at=None)


def send_unsent(*, now: datetime) -> int:
    """
    Send what is left over because a worker was killed, its job is gone, or the mail server failed.

    :returns: how many mails were sent.
    """
    stop = time.monotonic() + RUN_SECONDS
    sent = 0
    for pk in left_over(now=now).values_list("pk", flat=True)[:RUN_MAILS]:
        if time.monotonic() > stop:
            break
        with suppress(CannotSend):  # the others must not wait for it
            sent += send(pk, now=now)
    return sent


def left_over(*, now: datetime) -> QuerySet[Mail]:
    """
    Oldest first. What failed rests for as long as it was old when it was last tried, so that it is
    tried less and less often, and what always fails does not keep the rest from their turn.
    """
    age_when_tried = F("claimed_at") - F("created_at")
    rested = Value(now, DateTimeField()) - F("claimed_at")
    mails = free(now=now).annotate(age_when_tried=age_when_tried, rested=rested)
    return mails.filter(
        Q(problem="") | Q(rested__gte=F("age_when_tried")),
        is_news(now=now),
        created_at__lte=now - LEFT_OVER_AFTER,
    ).order_by("created_at")


def still_true(mail_pk: int) -> Mail | None:
    """
    The mail, or None if what it says is no longer true: then it is deleted.

    Under the order's lock, so that a parcel that is shipped again at this moment finds either the
    mail that will be sent, or none and writes one.
    """
    with locked(Mail.objects.values_list("order_id", flat=True).get(pk=mail_pk)):
        mail = Mail.objects.select_related(*ABOUT).prefetch_related(*PIECES).get(pk=mail_pk)
        if not is_overtaken(mail):
            return mail
        mail.delete()
        return None


def is_overtaken(mail: Mail) -> bool:
    """Money came after all, or the parcel never left."""
    if mail.event == Mail.Event.NOT_CHARGED and mail.transaction:
        return mail.transaction.status == PaymentTransaction.Status.SUCCEEDED
    if mail.event == Mail.Event.SHIPPED:
        return mail.order.shipment.status == Shipment.Status.PREPARING
    return membership_mails.is_about(mail) and membership_mails.is_overtaken(mail)


def confirms_nothing(mail: Mail) -> bool:
    """All that it confirms went back. The first mail goes out all the same: so it happened."""
    return mail.event == Mail.Event.PAID and mail.order.status == Order.Status.REFUNDED


def compose(mail: Mail) -> EmailMultiAlternatives:
    """The mail in its order's language, as text and as HTML."""
    order = mail.order
    with translation.override(order.language):
        template = template_of(mail)
        subject = subject_of(mail)
        context = context_for(mail) | {"subject": subject}
        message = EmailMultiAlternatives(
            subject=" ".join(f"[{settings.SHOP_NAME}] {subject}".split()),
            body=render_to_string(f"{template}.txt", context),
            from_email=settings.DEFAULT_FROM_EMAIL,
            to=[order.email],
            headers={"Message-ID": message_id(mail), "Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    return message


def template_of(mail: Mail) -> str:
    """Without its ``.txt`` or ``.html``."""
    if membership_mails.is_about(mail):
        return "mail/membership"
    if mail.event == Mail.Event.PAID and mail.order.kind != Order.Kind.SALE:
        return "mail/renewal"
    return f"mail/{mail.event.lower()}"


def subject_of(mail: Mail) -> str:
    """In the language that is active."""
    subject = SUBJECTS[Mail.Event(mail.event)]
    if mail.event == Mail.Event.PAID and mail.order.kind != Order.Kind.SALE:
        subject = RENEWED if mail.order.period_id else REGISTERED
    if mail.event == Mail.Event.REFUNDED and is_of_a_part(mail):
        subject = REFUNDED_IN_PART
    if mail.event == Mail.Event.PRICE and membership_mails.is_withdrawn(mail):
        subject = PRICE_STAYS
    return str(subject) % {"number": mail.order.number}


def is_of_a_part(mail: Mail) -> bool:
    """Was something of the order left when the mail's refund had gone back?"""
    order, refund = mail.order, mail.refund
    if order.status != Order.Status.REFUNDED or refund is None:
        return order.status == Order.Status.PARTIALLY_REFUNDED
    later = order.refunds.filter(status=Refund.Status.SUCCEEDED, settled_at__gt=refund.settled_at)
    return later.exists()


def message_id(mail: Mail) -> str:
    """The same each time this mail is sent, and no other mail's."""
    host = urlsplit(settings.SITE_URL).hostname
    about = [mail.event.lower(), mail.order.number]
    if mail.transaction:
        about[1] = mail.transaction.public_id.hex
    elif mail.refund_id or mail.request_id:
        about.append(f"{mail.refund_id or mail.request_id}")
    if mail.nth > 1:
        about.append(f"again{mail.nth}")
    return f"<{'.'.join(about)}@{host}>"


def context_for(mail: Mail) -> dict[str, Any]:
    order = mail.order
    balance = fulfilment.balance_of(order, list(order.transactions.all()))
    return {
        "mail": mail,
        "order": order,
        "lines": list(order.lines.all()),
        "shipment": getattr(order, "shipment", None),
        "transaction": mail.transaction,
        "refund": mail.refund,
        "request": mail.request,
        "left": balance.left,
        "earned": balance.earned,
        "points_left": order.points - order.points_refunded,
        "is_over": order.status == Order.Status.REFUNDED and not is_of_a_part(mail),
        "order_url": settings.SITE_URL + order.get_absolute_url(),
        "order_again_url": settings.SITE_URL + reverse("checkout:review"),
        "site_url": settings.SITE_URL,
        "shop_name": settings.SHOP_NAME,
        "shop_legal_notice": settings.SHOP_LEGAL_NOTICE,
        **(membership_mails.context_for(mail) if order.plan_id else {}),
    }
