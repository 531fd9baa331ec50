"""How the figures of a discrepancy are shown."""

from checkout.models import Discrepancy
from shop.templatetags.money import won

KIND_COLORS = {
    Discrepancy.Kind.MISSING_HERE: "danger",
    Discrepancy.Kind.MISSING_THERE: "danger",
    Discrepancy.Kind.AMOUNT: "warning",
    Discrepancy.Kind.STATUS: "warning",
    Discrepancy.Kind.DUPLICATE: "danger",
    Discrepancy.Kind.NO_NAME: "warning",
}


def amount_or_dash(amount: int | None) -> str:
    """In won; a dash where that side has none."""
    return "–" if amount is None else won(amount)


def telling(row: Discrepancy) -> tuple[str, str]:
    """Ours and theirs in a word: the amounts where they differ, else the statuses."""
    if row.our_amount != row.their_amount:
        return amount_or_dash(row.our_amount), amount_or_dash(row.their_amount)
    return row.our_status or "–", row.their_status or "–"
