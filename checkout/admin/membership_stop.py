"""The page on which staff end a membership at once, and see beforehand what goes back."""

from functools import partial
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import memberships
from accounts.http import ShopperRequest
from accounts.models import Membership
from checkout import limits, members, stopping_by_staff
from checkout.admin import membership_actions, membership_page
from checkout.admin.membership_actions import may_manage
from checkout.admin.refund_forms import ReasonForm
from checkout.admin.refund_words import REFUSALS, tell, why_not
from checkout.stopping_by_staff import Ending
from orders import pricing

#: Whatever keeps a membership from being ended.
HINDRANCES = (*REFUSALS, memberships.NotAMember, members.InDoubt, stopping_by_staff.NotAsSeen)


class StopForm(ReasonForm):
    """Why it ends at once; ``seen`` are the figures that the page showed."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)


def urls(desk: Any) -> list[URLPattern]:
    view = desk.admin_site.admin_view(partial(stop_at_once, desk))
    return [path("<path:object_id>/end/", view, name="accounts_membership_end")]


def stop_at_once(desk: Any, request: ShopperRequest, object_id: str) -> HttpResponse:
    """Say what goes back, ask why, and end it."""
    if not (may_manage(desk, request) and limits.may_refund(request.user)):
        raise PermissionDenied
    membership = membership_page.membership_of(object_id)
    if not membership.is_good(timezone.now()):
        messages.warning(request, hindrance(memberships.NotAMember()))
        return redirect("admin:accounts_membership_change", membership.pk)
    form = StopForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        return page(desk, request, membership, form, status)
    try:
        made = stopping_by_staff.stop_at_once(
            membership.user,
            by=request.user,
            reason=form.cleaned_data["reason"],
            seen=form.cleaned_data["seen"],
            now=timezone.now(),
        )
    except HINDRANCES as error:
        form.add_error(None, hindrance(error))
        is_forbidden = isinstance(error, limits.MayNot)
        status = HTTPStatus.FORBIDDEN if is_forbidden else HTTPStatus.CONFLICT
        now_stands = membership_page.membership_of(object_id)
        if membership.renews and not now_stands.renews:  # something else went back meanwhile
            desk.log_change(request, membership, _("Stopped with the end of what is paid."))
        return page(desk, request, now_stands, form, status)
    desk.log_change(request, membership, _("Ended at once."))
    for refund in made:
        tell(request, refund)
    say_how_it_stands(request, membership_page.membership_of(object_id))
    return redirect("admin:accounts_membership_change", membership.pk)


def say_how_it_stands(request: ShopperRequest, membership: Membership) -> None:
    if membership.ended_at is not None:
        messages.success(request, _("The membership has ended. Its shopper is told by mail."))
        return
    sentence = _("The membership does not renew any more; it ends once the refund has gone back.")
    messages.warning(request, sentence)


def hindrance(error: Exception) -> str:
    """A sentence for staff about one of ``HINDRANCES``."""
    if isinstance(error, memberships.NotAMember):
        return membership_actions.why_not(error)
    if isinstance(error, members.InDoubt):
        return _(
            "Whether its last charge moved money is not known yet. KakaoPay is asked until it is: "
            "come back then."
        )
    if isinstance(error, stopping_by_staff.NotAsSeen):
        return _("This is not what you saw any more. Check the figures, and press again.")
    return why_not(error)


def page(
    desk: Any,
    request: ShopperRequest,
    membership: Membership,
    form: StopForm,
    status: HTTPStatus,
) -> HttpResponse:
    """What goes back of each period, or why it cannot be ended."""
    endings: list[Ending] = []
    problem = ""
    try:
        endings = stopping_by_staff.look(membership, by=request.user, now=timezone.now())
    except HINDRANCES as error:
        problem = hindrance(error)
    plans = [each.plan for each in endings if each.plan]
    context = {
        **desk.admin_site.each_context(request),
        "opts": desk.opts,
        "title": _("End at once"),
        "original": membership,
        "membership": membership,
        "form": form,
        "seen": stopping_by_staff.figures(endings),
        "endings": endings,
        "problem": problem,
        "money": sum((plan.money for plan in plans), pricing.NOTHING).total,
        "points": sum(plan.points for plan in plans),
        "waits": any(each.waits for each in endings),
    }
    return render(request, "admin/accounts/membership/end.html", context, status=status)
