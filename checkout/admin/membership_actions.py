"""What staff do about somebody's membership: stop it, let it go on, and charge what is due."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import memberships
from accounts.http import ShopperRequest
from accounts.models import Membership
from checkout import members, renewals
from checkout.admin import membership_page, signed_out
from checkout.admin.membership_words import last
from checkout.renewals import Renewal, Said
from shop.templatetags.money import won


def urls(desk: Any) -> list[URLPattern]:
    ways: dict[str, Callable[..., None]] = {
        "stop": stop,
        "resume": resume,
        "charge": charge,
    }
    return [
        path(
            f"<path:object_id>/{name}/",
            desk.admin_site.admin_view(partial(handled, desk, view)),
            name=f"accounts_membership_{name}",
        )
        for name, view in ways.items()
    ]


def handled(
    desk: Any, do: Callable[..., None], request: ShopperRequest, object_id: str
) -> HttpResponse:
    """Each of these is for those who manage memberships. :raises PermissionDenied, Http404:"""
    if not may_manage(desk, request):
        raise PermissionDenied
    membership = membership_page.membership_of(object_id)
    if request.method != "POST":
        return signed_out.back_to(request, "accounts_membership", membership.pk)
    do(desk, request, membership)
    return redirect("admin:accounts_membership_change", membership.pk)


def may_manage(desk: Any, request: ShopperRequest) -> bool:
    return request.user.has_perm(membership_page.MANAGE) and desk.has_view_permission(request)


def stop(desk: Any, request: ShopperRequest, membership: Membership) -> None:
    """It ends with what is paid for."""
    try:
        stopped = members.stop(membership.user, now=timezone.now())
    except memberships.CannotChange as error:
        messages.warning(request, why_not(error))
        return
    desk.log_change(request, membership, _("Stopped with the end of what is paid."))
    said = _("It does not renew any more, and ends on %(day)s. Its shopper is told by mail.")
    messages.success(request, said % {"day": last(stopped.paid_until)})


def resume(desk: Any, request: ShopperRequest, membership: Membership) -> None:
    """It renews after all."""
    try:
        members.resume(membership.user, now=timezone.now())
    except memberships.CannotChange as error:
        messages.warning(request, why_not(error))
        return
    desk.log_change(request, membership, _("Let it renew again."))
    messages.success(request, _("It renews again. Its shopper is told by mail."))


def charge(desk: Any, request: ShopperRequest, membership: Membership) -> None:
    """Charge the period that is due now, as the shop does by itself."""
    renewal = renewals.renew(membership.pk, now=timezone.now())
    if renewal.said != Said.NOTHING:
        desk.log_change(request, membership, _("Charged what was due."))
    LOUDNESS[renewal.said](request, sentence_about(renewal))


LOUDNESS: dict[Said, Callable[..., None]] = {
    Said.RENEWED: messages.success,
    Said.REFUSED: messages.error,
    Said.FAULT: messages.error,
    Said.UNKNOWN: messages.warning,
    Said.POSTPONED: messages.warning,
    Said.NOTHING: messages.info,
}


def sentence_about(renewal: Renewal) -> str:
    txn = renewal.transaction
    words = {"amount": won(txn.amount) if txn else "", "why": renewal.why}
    if txn and renewal.said in {Said.REFUSED, Said.FAULT}:
        words["why"] = txn.buyer_message or txn.reason or txn.reason_code
    return {
        Said.RENEWED: _("%(amount)s were charged: the period is paid."),
        Said.REFUSED: _("%(amount)s could not be charged: %(why)s"),
        Said.FAULT: _(
            "%(amount)s could not be charged, and not by a fault of the shopper's: look into the "
            "shop's connection to KakaoPay and its settings there. %(why)s"
        ),
        Said.UNKNOWN: _(
            "KakaoPay did not confirm the charge of %(amount)s yet. We keep asking, and charge "
            "nothing again until it is known."
        ),
        Said.POSTPONED: _(
            "It cannot be charged at this moment, and is tried again by itself. %(why)s"
        ),
        Said.NOTHING: _(
            "Nothing was charged: it is not due any more, its last charge is in doubt, or it is "
            "being charged just now."
        ),
    }[renewal.said] % words


def why_not(error: memberships.CannotChange) -> str:
    """A sentence for staff."""
    if isinstance(error, memberships.NotAMember):
        return _("This membership has ended.")
    if isinstance(error, memberships.NeedsMethod):
        return _(
            "It cannot renew: its payment agreement has ended. Its shopper has to register a "
            "payment method on the membership page."
        )
    return _("This was done already, or its plan does not renew: look at how it stands now.")
