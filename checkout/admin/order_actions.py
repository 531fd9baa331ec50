"""What staff do from an order's page: write a note, ask the provider, send a mail again."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.http import ShopperRequest
from checkout import asking, mails, notes
from checkout.admin import order_page, signed_out
from checkout.asking import Said
from checkout.models import Mail
from orders.models import Order, PaymentTransaction
from shop.templatetags.money import won


def urls(desk: Any) -> list[URLPattern]:
    ways: dict[str, tuple[str, Callable[..., HttpResponse]]] = {
        "note": ("note/", write_note),
        "ask": ("ask/", ask),
        "send_again": ("mails/<int:mail_id>/send/", send_again),
    }
    return [
        path(
            f"<path:object_id>/{address}",
            desk.admin_site.admin_view(partial(handled, desk, view)),
            name=f"orders_order_{name}",
        )
        for name, (address, view) in ways.items()
    ]


def handled(
    desk: Any,
    do: Callable[..., HttpResponse],
    request: ShopperRequest,
    object_id: str,
    **more: int,
) -> HttpResponse:
    """Each of these is for those who handle orders. :raises PermissionDenied, Http404:"""
    if not (request.user.has_perm(order_page.HANDLE) and desk.has_view_permission(request)):
        raise PermissionDenied
    order = order_page.order_of(object_id)
    if request.method != "POST":
        return signed_out.back_to(request, "orders_order", order.pk)
    return do(desk, request, order, **more)


def back_to(order: Order) -> HttpResponse:
    return redirect("admin:orders_order_change", order.pk)


def write_note(desk: Any, request: ShopperRequest, order: Order) -> HttpResponse:
    form = order_page.NoteForm(request.POST)
    if not form.is_valid():
        return order_page.page(desk, request, order, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    notes.write(order, form.cleaned_data["text"], by=request.user, now=timezone.now())
    desk.log_change(request, order, _("Wrote a note."))
    messages.success(request, _("The note was kept."))
    return back_to(order)


def send_again(desk: Any, request: ShopperRequest, order: Order, mail_id: int) -> HttpResponse:
    mail = get_object_or_404(Mail, pk=mail_id, order=order)
    if try_to_send_again(request, mail):
        sentence = _("Sent the mail “%(mail)s” again.")
        desk.log_change(request, order, sentence % {"mail": mail.get_event_display()})
    return back_to(order)


def try_to_send_again(request: ShopperRequest, mail: Mail) -> bool:
    """Send it, or say why not; whether it is sent."""
    try:
        mails.send_again(mail, by=request.user, now=timezone.now())
    except mails.NotTrueAnyMore:
        messages.error(request, _("What this mail says is no longer true: it is not sent again."))
    except mails.NotSentYet:
        sentence = _("This mail is still waiting to be sent. It needs no second one.")
        messages.warning(request, sentence)
    else:
        told = {"email": mail.order.email}
        messages.success(request, _("The mail is being sent again, to %(email)s.") % told)
        return True
    return False


def ask(desk: Any, request: ShopperRequest, order: Order) -> HttpResponse:
    answers = asking.ask(order, now=timezone.now())
    desk.log_change(request, order, _("Asked KakaoPay."))
    if not answers:
        messages.info(request, _("KakaoPay knows of no payment of this order: nothing to ask."))
    for answer in answers:
        LOUDNESS[answer.said](request, sentence_about(answer))
    return back_to(order)


LOUDNESS: dict[Said, Callable[..., None]] = {
    Said.SUCCEEDED: messages.success,
    Said.FAILED: messages.warning,
    Said.UNKNOWN: messages.warning,
    Said.TOO_SOON: messages.info,
    Said.WAITS: messages.info,
    Said.AGREES: messages.success,
    Said.DIFFERS: messages.error,
    Said.PUT_RIGHT: messages.warning,
    Said.NO_ANSWER: messages.error,
    Said.NO_NAME: messages.warning,
}


def sentence_about(answer: asking.Answer) -> str:
    """One sentence for staff."""
    txn = answer.transaction
    words = {"what": name_of(txn), "detail": answer.detail}
    return {
        Said.SUCCEEDED: _("%(what)s: the money moved. It is settled now."),
        Said.FAILED: _("%(what)s: no money moved. It is settled now. %(detail)s"),
        Said.UNKNOWN: _("%(what)s: KakaoPay cannot tell yet. We keep asking."),
        Said.TOO_SOON: _("%(what)s: KakaoPay was asked moments ago. Try again in half a minute."),
        Said.WAITS: _("%(what)s: KakaoPay waits for the buyer (%(detail)s). Nothing was changed."),
        Said.AGREES: _("%(what)s: KakaoPay's books and ours agree."),
        Said.DIFFERS: _("%(what)s: KakaoPay's books differ from ours. %(detail)s"),
        Said.PUT_RIGHT: _("%(what)s: our books were put right. %(detail)s"),
        Said.NO_ANSWER: _("%(what)s: KakaoPay did not answer. %(detail)s"),
        Said.NO_NAME: _(
            "%(what)s: it was paid, but its tid is not known, so KakaoPay cannot be asked. Enter "
            "it at the order's discrepancy."
        ),
    }[answer.said] % words


def name_of(txn: PaymentTransaction) -> str:
    """``Charge 37,500원`` or ``Refund 12,000원``."""
    is_charge = txn.kind == PaymentTransaction.Kind.CHARGE
    return f"{_('Payment') if is_charge else _('Refund')} {won(txn.amount)}"
