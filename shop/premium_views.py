"""What memberships there are, and an example of what only members get to see."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import gates
from accounts.memberships.prospects import hindrance
from shop.models import Product


@never_cache
@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """The plans on sale beside each other; members are told what they have."""
    terms = gates.terms(request)
    on_sale = Product.objects.on_sale().filter(plan__isnull=False).select_related("plan")
    offers = [
        {"product": product, "hindrance": hindrance(product.plan, terms)}
        for product in on_sale.order_by("plan__months", "plan__price")
    ]
    return render(request, "premium/plans.html", {"terms": terms, "offers": offers})


@never_cache
@require_safe
@gates.premium_required
def notes(request: HttpRequest) -> HttpResponse:
    """Recipes of the season."""
    return render(request, "premium/notes.html")
