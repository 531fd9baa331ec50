"""
What a shopper sees before checkout.

The cart's forms post and are answered by a redirect (303), or for htmx by the part of the page that
changed. A refusal is answered by the same page with the reason at the field, and by its status: 404
there is no such thing, 409 not so many, 422 not a quantity.
"""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import retarget
from django_htmx.middleware import HtmxDetails

from accounts import gates
from accounts.memberships import Terms
from accounts.memberships.prospects import hindrance, prospect
from shop import carts, savings
from shop.forms import QuantityForm
from shop.models import MAX_LINE_QUANTITY, CartLine, Category, Product

PRODUCTS_PER_PAGE = 24
LONGEST_SEARCH = 80
STATUS = {
    carts.UnknownProduct: 404,
    carts.UnknownLine: 404,
    carts.NotEnough: 409,
    carts.NotAQuantity: 422,
    carts.OnlyOne: 409,
}


class ShopRequest(HttpRequest):
    htmx: HtmxDetails  # true if htmx asks, set by its middleware


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Products on sale, of one category or all, that match the search."""
    words = text(request.GET, "q").strip()[:LONGEST_SEARCH]
    slug = text(request.GET, "category")
    categories = list(Category.objects.all())
    category = next((c for c in categories if c.slug == slug), None)
    products = Product.objects.on_sale().search(words).select_related("plan")
    if category:
        products = products.filter(category=category)
    context = {
        "terms": gates.terms(request),
        "page": Paginator(products, PRODUCTS_PER_PAGE).get_page(request.GET.get("page")),
        "categories": categories,
        "category": category,
        "words": words,
    }
    return render(request, "shop/home.html", context, status=404 if slug and not category else 200)


@require_GET
def product(request: ShopRequest, slug: str) -> HttpResponse:
    """One product, and how to put it into the cart."""
    return product_page(request, slug)


@never_cache
@require_GET
def cart(request: ShopRequest) -> HttpResponse:
    return cart_page(request)


@require_http_methods(["GET", "POST"])
def add(request: ShopRequest) -> HttpResponse:
    """Put a product into the cart."""
    if request.method == "GET":  # a refusal that was reloaded from the address bar
        return redirect("shop:cart")
    slug = text(request.POST, "product")
    form = QuantityForm(request.POST)
    if not form.is_valid():
        return product_page(request, slug, form, status=422)
    try:
        line = carts.add(request, slug, form.cleaned_data["quantity"])
    except carts.CannotChangeCart as refusal:
        form.add_error("quantity", str(refusal))
        return product_page(request, slug, form, status=STATUS[type(refusal)])
    if request.htmx:
        return product_page(request, slug, added=line)
    messages.success(request, _("%(product)s is in your cart.") % {"product": line.product.name})
    return see_cart()


@require_http_methods(["GET", "POST"])
def set_quantity(request: ShopRequest, line_id: int) -> HttpResponse:
    """Change how many pieces a line of the cart holds."""
    if request.method == "GET":
        return redirect("shop:cart")
    form = QuantityForm(request.POST)
    if not form.is_valid():
        return cart_page(request, line_id, form, status=422)
    try:
        carts.set_quantity(request, line_id, form.cleaned_data["quantity"])
    except carts.CannotChangeCart as refusal:
        form.add_error("quantity", str(refusal))
        return cart_page(request, line_id, form, status=STATUS[type(refusal)])
    tags = "visually-hidden" if request.htmx else ""  # where the numbers change before one's eyes
    messages.success(request, _("The quantity was changed."), extra_tags=tags)
    return cart_page(request, line_id) if request.htmx else see_cart()


@require_http_methods(["GET", "POST"])
def remove(request: ShopRequest, line_id: int) -> HttpResponse:
    """Take a line out of the cart."""
    if request.method == "GET":
        return redirect("shop:cart")
    try:
        removed = carts.remove(request, line_id)
    except carts.UnknownLine as refusal:
        messages.error(request, str(refusal))
        return cart_page(request, status=404)
    messages.success(request, _("%(product)s was removed.") % {"product": removed.name})
    return cart_page(request) if request.htmx else see_cart()


def see_cart() -> HttpResponse:
    return HttpResponseRedirect(reverse("shop:cart"), status=303)


def product_page(
    request: ShopRequest,
    slug: str,
    form: QuantityForm | None = None,
    *,
    added: CartLine | None = None,
    status: int = 200,
) -> HttpResponse:
    """The product's page, or for htmx only its form: what is wrong with it, or what was added."""
    products = Product.objects.on_sale().select_related("category", "plan")
    product = get_object_or_404(products, slug=slug)
    terms = gates.terms(request)
    context = {
        "product": product,
        "terms": terms,
        "prospect": product.plan and prospect(product.plan, terms, now=timezone.now()),
        "hindrance": hindrance(product.plan, terms),
        "form": form or QuantityForm(initial={"quantity": 1}),
        "line": added,
        "most": MAX_LINE_QUANTITY,
    }
    template = "shop/_add.html" if request.htmx else "shop/product.html"
    return render(request, template, context, status=status)


def cart_page(
    request: ShopRequest,
    line_id: int | None = None,
    form: QuantityForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """
    The cart, with what is wrong with the ``form`` of a line.

    htmx gets that line alone, so that changing one leaves the others be, or else the whole cart.
    """
    terms = gates.terms(request)
    lines = carts.priced(carts.lines_of(carts.for_request(request)), terms)
    line = next((line for line in lines if line.pk == line_id), None)
    if line_id is not None and line is None:
        messages.error(request, str(carts.UnknownLine()))
        status = 404
    context = {"lines": lines, "line": line, "form": form, "most": MAX_LINE_QUANTITY}
    context |= totals(lines, terms) | membership_on(lines, terms)
    if not request.htmx:
        return render(request, "shop/cart.html", context, status=status)
    if line is not None:
        return render(request, "shop/_line_changed.html", context, status=status)
    return retarget(render(request, "shop/_cart_changed.html", context, status=status), "#cart")


def totals(lines: list[CartLine], terms: Terms) -> dict[str, int | bool]:
    """
    What the lines come to, in won, leaving out what is no longer sold.

    ``missing`` is how much more makes delivery free.
    """
    sold = [line for line in lines if line.product.is_active]
    subtotal = sum(line.amount for line in sold)
    tax_free = sum(line.amount for line in sold if line.is_tax_free)
    delivery = carts.delivery_for(terms)
    shipping = delivery.cost(sold)
    return {
        "tax_free": tax_free,
        "taxed": subtotal - tax_free,
        "needs_delivery": any(line.needs_delivery for line in sold),
        "shipping": shipping,
        "missing": delivery.missing(sold),
        "total": subtotal + shipping,
        "is_orderable": bool(sold) and all(line.quantity <= line.available for line in sold),
    }


def membership_on(lines: list[CartLine], terms: Terms) -> dict[str, Any]:
    """
    What their membership takes off for a member, in won, or else what one would; ``plan`` is the
    one in the cart, and begins only once it is paid.
    """
    sold = [line for line in lines if line.product.is_active]
    plan = next((line.product.plan for line in sold if line.product.plan), None)
    return {
        "terms": terms,
        "plan": plan,
        "saved": savings.on_goods(sold),
        "delivery_saved": savings.on_delivery(sold, terms),
        "possible": savings.possible(sold) if sold and not (plan or terms.is_member) else 0,
    }


def text(data: QueryDict, key: str) -> str:
    """What was sent under ``key``, or nothing; without NUL, which PostgreSQL refuses."""
    return (data.get(key) or "").replace("\0", "")
