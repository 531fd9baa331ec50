"""A payment that begins: where its buyer goes, and where they come back to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from api.problems import Kind, Problem
from checkout import payments, returning
from checkout.api.refusals import (
    NOT_PAYABLE,
    PAYMENT_IN_PROGRESS,
    RETURN_URL,
    UNAVAILABLE,
)
from orders import placing
from orders.models import Order, PaymentTransaction

TAGS = ["Checkout"]
RETRY_AFTER = 5  # seconds
DEVICES = {"web": "pc", "mobile_web": "mobile", "app": "app"}
NO_CHARGE = {"public_id": None, "tid": None}
NO_URLS = dict.fromkeys(("pc", "mobile", "app", "android", "ios"))


class BackSerializer(serializers.Serializer[Any]):
    client = serializers.ChoiceField(
        ["web", "mobile_web", "app"],
        default="web",
        help_text="Which of the provider's pages `redirect_url` is.",
    )
    return_url = serializers.CharField(
        max_length=returning.LONGEST_URL,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text=(
            "Where the buyer goes at last: of an allowed origin or app scheme. Without it they see "
            "the shop's own receipt."
        ),
    )
    callback = serializers.ChoiceField(
        ["shop", "client"],
        default="shop",
        help_text=(
            "`shop`: the shop takes the payment, then sends the buyer to `return_url` with "
            "`order_number` and `status`. `client`: the provider sends the buyer to `return_url` "
            "with `payment_id`, `result` (approve, cancel or fail) and `pg_token`; the client "
            "reports them to `payments/<id>/…/`."
        ),
    )


class StartedSerializer(serializers.Serializer[Any]):
    """
    An order that waits for its payment: send the buyer to ``redirect_url``. Where points and a
    coupon have paid for all of it, there is nothing to pay and no payment.
    """

    order_number = serializers.CharField(source="order.number")
    status = serializers.ChoiceField(Order.Status.choices, source="order.status")
    amount = serializers.IntegerField(source="order.total", help_text="In won.")
    payment_id = serializers.UUIDField(source="charge.public_id", allow_null=True)
    tid = serializers.CharField(source="charge.tid", allow_null=True)
    redirect_url = serializers.URLField(allow_null=True, help_text="For this `client`.")
    next_redirect_pc_url = serializers.URLField(source="urls.pc", allow_null=True)
    next_redirect_mobile_url = serializers.URLField(source="urls.mobile", allow_null=True)
    next_redirect_app_url = serializers.URLField(source="urls.app", allow_null=True)
    android_app_scheme = serializers.CharField(source="urls.android", allow_null=True)
    ios_app_scheme = serializers.CharField(source="urls.ios", allow_null=True)
    expires_at = serializers.DateTimeField(source="order.deadline_at")


def back_of(wanted: dict[str, Any]) -> returning.Back:
    """:raises Problem: RETURN_URL."""
    url, is_callback = wanted.get("return_url", ""), wanted["callback"] == "client"
    if not url and not is_callback:
        return returning.TO_THE_SHOP
    try:
        return returning.back_to(url, is_callback=is_callback)
    except returning.NotAllowed as error:
        raise Problem(RETURN_URL) from error


def own_order(request: Request, number: str) -> Order:
    """:raises Http404: somebody else's order does not exist."""
    return get_object_or_404(Order, number=number, user=cast(User, request.user))


def gone_on(order: Order, client: str, back: returning.Back) -> Response:
    """
    What became of an order that an earlier request had placed before its process died.

    :raises Problem: it cannot be paid any more, or is being paid.
    """
    if order.status == Order.Status.CANCELED:
        raise Problem(NOT_PAYABLE)
    if order.status == Order.Status.PENDING:
        with refusing():
            return begun(payments.reopen(order, back=back, now=timezone.now()), client)
    return begun(order, client)


def begun(started: PaymentTransaction | Order, client: str) -> Response:
    """:raises Problem: NOT_PAYABLE, if the order ended meanwhile."""
    if isinstance(started, Order):
        said: dict[str, Any] = {"order": started, "charge": NO_CHARGE, "urls": NO_URLS}
    elif started.status != PaymentTransaction.Status.READY:
        raise Problem(NOT_PAYABLE)
    else:
        urls = NO_URLS | started.redirect_urls
        said = {"order": started.order, "charge": started, "urls": urls}
    said["redirect_url"] = said["urls"][DEVICES[client]]
    order_url = f"/api/v1/orders/{said['order'].number}/"
    return Response(
        StartedSerializer(said).data,
        status=201,
        headers={"Location": order_url},
    )


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what may keep an order from being paid into problems."""
    try:
        yield
    except placing.PaymentInProgress as error:
        raise later(PAYMENT_IN_PROGRESS, order_number=error.order.number) from error
    except payments.NotPayable as error:
        raise Problem(NOT_PAYABLE) from error
    except payments.ProviderUnavailable as error:
        raise later(UNAVAILABLE, order_number=error.order.number) from error


def later(kind: Kind, **more: Any) -> Problem:
    """A refusal that may be none in a few seconds."""
    problem = Problem(kind, **more)
    problem.headers["Retry-After"] = str(RETRY_AFTER)
    return problem
