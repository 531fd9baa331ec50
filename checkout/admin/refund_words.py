"""What staff are told of a refund: why there is none, and what became of one."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from checkout import limits, refunds
from orders import refunding
from orders.models import Refund
from shop.templatetags.money import won

Status = Refund.Status

STATE_COLORS = {
    Status.WAITING: "warning",
    Status.PROCESSING: "warning",
    Status.SUCCEEDED: "success",
    Status.FAILED: "danger",
    Status.REJECTED: "default",
}

#: Whatever keeps a refund from being made.
REFUSALS = (
    refunds.AlreadyOpen,
    refunds.NotAsSeen,
    refunds.AlreadyDecided,
    refunds.RequestAnswered,
    refunding.RefundRefused,
    limits.MayNot,
)


def why_not(error: Exception) -> str:
    """A sentence for staff about one of ``REFUSALS``."""
    if isinstance(error, refunds.AlreadyOpen):
        if error.refund.status == Status.WAITING:
            return _("Another refund of this order waits for approval. That one must be decided.")
        return _("Another refund of this order has not been answered yet. Wait until it is.")
    if isinstance(error, refunds.NotAsSeen):
        return _("This is not what you saw any more. Check the figures, and press again.")
    if isinstance(error, refunds.AlreadyDecided):
        return _("Somebody has decided this already.")
    if isinstance(error, refunds.RequestAnswered):
        return _("The buyer's request has been answered or withdrawn meanwhile.")
    if isinstance(error, refunding.TooMuch):
        return too_much(error)
    if isinstance(error, refunding.NotNamed):
        return _(
            "KakaoPay's answer to this payment was lost, and its tid with it: nothing can go back "
            "until the tid is entered. The order's discrepancy says how."
        )
    if isinstance(error, refunding.NothingLeft):
        return _("Nothing of this order can be refunded.")
    if isinstance(error, limits.AboveLimit):
        return _(
            "You may give back up to %(limit)s of one order in all. "
            "Ask somebody who may give back more."
        ) % {"limit": won(error.limit)}
    if isinstance(error, limits.OwnOrder):
        return _("This is an order of your own: somebody else has to decide what goes back.")
    if isinstance(error, limits.OwnRefund):
        return _("You asked for this refund: somebody else has to approve it.")
    return _("You may not give money back.")


def too_much(error: refunding.TooMuch) -> str:
    if error.name:
        words = {"name": error.name, "count": error.left}
        return (
            ngettext(
                "“%(name)s”: no more than %(count)d piece can go back.",
                "“%(name)s”: no more than %(count)d pieces can go back.",
                error.left,
            )
            % words
        )
    return _("No more than %(left)s can be refunded.") % {"left": won(error.left)}


def worth(refund: Refund) -> str:
    """``7,851원``, ``2,049포인트`` or both."""
    parts = [won(refund.amount)] if refund.amount or not refund.points else []
    if refund.points:
        parts.append(_("%(points)s points") % {"points": f"{refund.points:,}"})
    return " + ".join(parts)


def became(refund: Refund) -> str:
    """A sentence about what has become of a refund."""
    words = {"amount": worth(refund)}
    if refund.status == Status.SUCCEEDED:
        if refund.amount + refund.points == 0:
            return _("The order was refunded; no money moved.")
        return _("Refunded: %(amount)s.") % words
    if refund.status == Status.WAITING:
        return (
            _(
                "The refund of %(amount)s waits until somebody else approves it. "
                "Nothing has gone back yet."
            )
            % words
        )
    if refund.status == Status.REJECTED:
        return _("The refund of %(amount)s was not approved; nothing went back.") % words
    if refund.status == Status.PROCESSING:
        return (
            _(
                "KakaoPay did not confirm the refund of %(amount)s yet. We keep asking: "
                "do not refund it again."
            )
            % words
        )
    sentence = _("KakaoPay declined the refund of %(amount)s; no money moved: %(reason)s")
    return sentence % (words | {"reason": why_failed(refund)})


def why_failed(refund: Refund) -> str:
    """In the provider's words; "" if it did not fail."""
    txn = refund.transaction
    if refund.status != Status.FAILED or txn is None:
        return ""
    return txn.buyer_message or txn.reason or txn.reason_code


def tell(request: HttpRequest, refund: Refund) -> None:
    """What became of the refund, on the next page."""
    say: dict[str, Callable[..., None]] = {
        Status.SUCCEEDED: messages.success,
        Status.FAILED: messages.error,
        Status.REJECTED: messages.success,
    }
    say.get(refund.status, messages.warning)(request, became(refund))
