"""What a member sees of their membership, and does about it."""

from copy import copy
from datetime import datetime
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import memberships
from accounts.http import ShopperRequest
from accounts.models import Membership, MembershipPeriod, Plan
from api import limits
from checkout import members, parting, payments, refunds, standing
from checkout.standing import Standing, State
from checkout.views import to_provider, wait_a_moment
from orders import placing, refunding
from orders.models import Order, Refund
from shop.templatetags.money import won

PERIODS_PER_PAGE = 24


@never_cache
@login_required
@require_GET
def membership(request: ShopperRequest) -> HttpResponse:
    """What the shopper has, until when, what it will cost next, and what they can do about it."""
    now = timezone.now()
    found = standing.of(request.user.pk, now=now)
    context = {
        "standing": found,
        "terms": memberships.terms_of(request.user.pk, now=now),
        "page": history_of(found, request.GET.get("page")) if found else (),
        "other_plans": plans_on_sale().exclude(pk=found.membership.plan_id).exists()
        if found and found.can_change_plan
        else False,
    }
    return render(request, "checkout/membership.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def stop(request: ShopperRequest) -> HttpResponse:
    """What ends and when if the membership does not renew; sent, it does not."""
    now = timezone.now()
    found = standing.of(request.user.pk, now=now)
    if found is None or not found.membership.renews or not found.membership.is_good(now):
        messages.info(request, not_renewing(found, now=now))
        return redirect("checkout:membership")
    if found.is_unpaid:  # nothing is paid for any more
        return redirect("checkout:membership_stop_at_once")
    if request.method == "POST":
        try:
            members.stop(request.user, now=now)
            messages.success(request, _("Your membership will not renew. Nothing more is charged."))
        except memberships.CannotChange as error:
            messages.info(request, why_not(error))
        return redirect("checkout:membership")
    return render(request, "checkout/membership_stop.html", {"standing": found})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def stop_at_once(request: ShopperRequest) -> HttpResponse:
    """What goes back if the membership ends now; sent with what was seen, it does."""
    now = timezone.now()
    found = standing.of(request.user.pk, now=now)
    is_sent = request.method == "POST"
    try:
        if found is None or not found.membership.is_good(now):
            raise memberships.NotAMember
        leaving = parting.parting_of(found.membership, now=now)
        if is_sent and request.POST.get("seen") == leaving.figures:
            done = members.stop_at_once(request.user, now=now)
            is_over = not memberships.is_member(request.user.pk, now=now)
            say_what_went_back(request, done, is_over=is_over)
            return redirect("checkout:membership")
    except (
        memberships.CannotChange,
        members.InDoubt,
        refunds.AlreadyOpen,
        refunding.NotNamed,
    ) as error:
        messages.info(request, why_not(error))
        return redirect("checkout:membership")
    context = {"standing": found, "parting": leaving, "is_changed": is_sent}
    status = HTTPStatus.CONFLICT if is_sent else HTTPStatus.OK
    return render(request, "checkout/membership_stop_at_once.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def resume(request: ShopperRequest) -> HttpResponse:
    """The membership renews after all. Who had to sign in on the way is asked again."""
    if request.method == "GET":
        return redirect("checkout:membership")
    now = timezone.now()
    try:
        members.resume(request.user, now=now)
        messages.success(request, _("Your membership renews again."))
    except memberships.NotRenewing:
        found = standing.of(request.user.pk, now=now)
        does = found is not None and found.membership.renews
        messages.info(
            request,
            _("Your membership renews already.")
            if does
            else _("What you have was bought once and does not renew. You can buy a longer time."),
        )
    except memberships.CannotChange as error:
        messages.info(request, why_not(error))
    return redirect("checkout:membership")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def change_plan(request: ShopperRequest) -> HttpResponse:
    """The plans that the membership can be from its next period on; sent, it will be that one."""
    now = timezone.now()
    found = standing.of(request.user.pk, now=now)
    if found is None or not found.can_change_plan:
        messages.info(request, why_no_other_plan(found))
        return redirect("checkout:membership")
    plans = {str(plan.pk): plan for plan in plans_on_sale()}
    plans.setdefault(str(found.membership.plan_id), found.membership.plan)
    problem = ""
    if request.method == "POST":
        chosen = plans.get(request.POST.get("plan", ""))
        try:
            if chosen is None:
                raise memberships.NoSuchPlan
            members.change_plan(request.user, chosen, now=now)
            messages.success(
                request, _("From the next period on you have %(plan)s.") % {"plan": chosen}
            )
            return redirect("checkout:membership")
        except memberships.NoSuchPlan as error:
            problem = why_not(error)
        except memberships.CannotChange as error:
            messages.info(request, why_not(error))
            return redirect("checkout:membership")
    context = {
        "standing": found,
        "options": [(plan, price_of(plan, found.membership)) for plan in plans.values()],
        "chosen": found.membership.next_plan or found.membership.plan,
        "problem": problem,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "checkout/membership_plan.html", context, status=status)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def register(request: ShopperRequest) -> HttpResponse:
    """What is charged if a payment method is registered anew; sent, the shopper goes to do so."""
    now = timezone.now()
    found = standing.of(request.user.pk, now=now)
    if found is None or not found.can_register:
        messages.info(request, why_no_registration(found))
        return redirect("checkout:membership")
    if request.method == "GET":
        return render(request, "checkout/membership_method.html", {"standing": found})
    try:
        limits.READY.spend(request.user.pk, now=now)
        charge = members.register(request.user, now=now)
    except limits.TooOften as error:
        messages.warning(request, wait_a_moment(error.seconds))
        return redirect("checkout:membership")
    except memberships.CannotChange as error:
        messages.info(request, why_not(error))
        return redirect("checkout:membership")
    except placing.PaymentInProgress as waiting:
        messages.info(request, in_doubt())
        return redirect(waiting.order)
    except payments.ProviderUnavailable as unavailable:
        context = {"standing": found, "order": unavailable.order}
        return render(request, "checkout/membership_unavailable.html", context, status=503)
    return to_provider(request, charge)


def history_of(found: Standing, page: str | None) -> object:
    """A page of the membership's periods, the last first, each with its order and refunds."""
    refunded = Refund.objects.filter(status=Refund.Status.SUCCEEDED)
    paid = Order.objects.exclude(status__in=[Order.Status.CANCELED, Order.Status.PENDING])
    orders = paid.prefetch_related(Prefetch("refunds", refunded, to_attr="given_back"))
    periods = MembershipPeriod.objects.filter(membership=found.membership).select_related("plan")
    periods = periods.prefetch_related(Prefetch("orders", orders, to_attr="paid_orders"))
    return Paginator(periods, PERIODS_PER_PAGE).get_page(page)


def plans_on_sale() -> QuerySet[Plan]:
    """That renew, the cheapest first."""
    return Plan.objects.filter(is_active=True, renews=True)


def price_of(plan: Plan, membership: Membership) -> int:
    """What the membership's next period would cost with this plan, in won."""
    if plan not in {membership.plan, membership.next_plan}:
        return plan.price
    as_chosen = copy(membership)
    if plan == membership.plan:
        as_chosen.next_plan = None
    return memberships.next_price(as_chosen)


def say_what_went_back(request: ShopperRequest, done: list[Refund], *, is_over: bool) -> None:
    money = sum(each.amount for each in done if each.status == Refund.Status.SUCCEEDED)
    if is_over and money:
        said = _("Your membership has ended, and %(amount)s went back the way you paid.")
        messages.success(request, said % {"amount": won(money)})
    elif is_over:
        messages.success(request, _("Your membership has ended."))
    elif any(each.status == Refund.Status.PROCESSING for each in done):
        said = _(
            "KakaoPay has not told us yet whether your money went back. We keep asking; your "
            "membership ends as soon as it has."
        )
        messages.info(request, said)
    else:
        said = _(
            "KakaoPay did not give your money back, so your membership goes on until what you paid "
            "for is over. We have been told and see to it; you need not do anything."
        )
        messages.warning(request, said)


def not_renewing(found: Standing | None, *, now: datetime) -> str:
    if found is None or not found.membership.is_good(now):
        return why_not(memberships.NotAMember())
    return _("Your membership does not renew already. Nothing more is charged.")


def why_no_other_plan(found: Standing | None) -> str:
    if found is None or found.state == State.ENDED:
        return why_not(memberships.NotAMember())
    if found.state == State.IN_DOUBT:
        return in_doubt()
    if found.is_due:
        return why_not(memberships.Unpaid())
    return why_not(memberships.NotRenewing())


def why_no_registration(found: Standing | None) -> str:
    if found is None or found.state == State.ENDED:
        return why_not(memberships.NotAMember())
    if found.state == State.IN_DOUBT:
        return in_doubt()
    return _("What you have was bought once and does not renew. You can buy a longer time.")


def in_doubt() -> str:
    return _(
        "KakaoPay has not told us yet how your last payment or refund went, so nothing was "
        "changed. We keep asking: please look again in a few minutes."
    )


def why_not(error: Exception) -> str:
    """What is wrong, and what to do."""
    match error:
        case memberships.NotAMember():
            return _("You are not a member now. You can join again at any time.")
        case memberships.NotRenewing():
            return _(
                "Your membership does not renew, so this cannot be changed. How to go on with it "
                "you see on this page."
            )
        case memberships.Unpaid():
            return _("What is due must be paid first. Then you can choose another plan.")
        case memberships.NeedsMethod():
            return _("To go on, register how you pay: what we could charge by has ended.")
        case memberships.NoSuchPlan():
            return _("This plan is not on sale any more. Please choose another.")
        case members.InDoubt():
            return in_doubt()
        case refunds.AlreadyOpen():
            return _(
                "We are looking at a refund of this payment already. Once that is done you can end "
                "your membership at once; until then nothing more is charged if it does not renew."
            )
        case refunding.NotNamed():
            return _(
                "KakaoPay has not named us your last payment, so we cannot give it back by "
                "ourselves. Cancel at the end of the period, or ask for a refund from its receipt."
            )
    raise error
