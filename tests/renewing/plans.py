"""What the shop sells here, and whom to. The prices stand here once more for the oracle."""

from accounts.models import Plan
from shop import plans
from shop.models import Category

MONTHLY = "monthly"
PASS = "pass"

#: slug → price in won, months, days of trial, does it renew, and how many of 100 buy it.
PLANS = {
    MONTHLY: (4_900, 1, 0, True, 72),
    "gold": (9_900, 1, 0, True, 12),
    "tried": (5_900, 1, 14, True, 8),
    "quarterly": (13_900, 3, 0, True, 4),
    "yearly": (49_000, 12, 0, True, 2),
    PASS: (6_500, 1, 0, False, 2),
}
RENEWING = [slug for slug, (*_, renews, _often) in PLANS.items() if renews]


def offer_all() -> dict[str, Plan]:
    """Each plan by its slug."""
    category, _ = Category.objects.get_or_create(
        slug="memberships", defaults={"name_ko": "멤버십", "name_en": "Memberships"}
    )
    offered = {}
    for slug, (price, months, trial_days, renews, _) in PLANS.items():
        plan = Plan(slug=slug, price=price, months=months, trial_days=trial_days, renews=renews)
        plan.name_ko = plan.name_en = slug
        plans.offer(plan, category=category)
        offered[slug] = plan
    return offered
