"""The catalogue in the admin: stock is added to while sales go on."""

import re

import pytest
from django.db.models import F

from shop.models import Product


def form_of(product: Product, **changes: str) -> dict[str, str]:
    return {
        "category": str(product.category_id),
        "name_ko": product.name_ko,
        "name_en": product.name_en or "",
        "description_ko": "",
        "description_en": "",
        "slug": product.slug,
        "price": str(product.price),
        "is_active": "on",
        "delivery": "",
    } | changes


def test_the_list_shows_price_and_stock(staff, make_product):
    """Search in both languages; won and pieces in the row."""
    make_product(name_ko="머그", name_en="Mug", price=12_000, stock=7)
    make_product(name_en="Pot")
    page = staff.get("/admin/shop/product/", {"q": "머그"}).content.decode()
    assert "₩12,000" in page
    assert re.search(r"field-stock[^>]*>\s*7\s*<", page)
    assert "Pot" not in page


@pytest.mark.parametrize(("delivery", "then"), [("", 8), ("5", 13), ("-8", 0)])
def test_a_sale_meanwhile_is_not_undone(staff, make_product, delivery, then):
    """Two were sold after the form was opened: saving adds to what is left, or leaves it."""
    product = make_product(stock=10)
    form = form_of(product, name_en="New name", delivery=delivery)
    Product.objects.update(stock=F("stock") - 2)
    answer = staff.post(f"/admin/shop/product/{product.pk}/change/", form)
    assert answer.status_code == 302
    product.refresh_from_db()
    assert (product.name_en, product.stock) == ("New name", then)


def test_more_cannot_be_taken_than_is_there(staff, make_product):
    """The reason stands in the form, and nothing is saved."""
    product = make_product(stock=3)
    url = f"/admin/shop/product/{product.pk}/change/"
    answer = staff.post(url, form_of(product, name_en="New name", delivery="-4"))
    assert "There are only 3 to take away." in answer.content.decode()
    product.refresh_from_db()
    assert (product.stock, product.name_en) == (3, "Cup 1")


def test_a_new_product_starts_with_its_first_delivery(staff, make_product):
    """The add form makes a product with that stock."""
    form = form_of(make_product(), slug="new", delivery="6")
    assert staff.post("/admin/shop/product/add/", form).status_code == 302
    assert Product.objects.get(slug="new").stock == 6


def test_what_is_not_delivered(staff, make_product):
    """The form says whether a product is delivered, and the list can be filtered by it."""
    ticket, cup = make_product(name_en="Ticket"), make_product(name_en="Pot")
    for product, needs in ((ticket, {}), (cup, {"needs_delivery": "on"})):
        url = f"/admin/shop/product/{product.pk}/change/"
        assert staff.post(url, form_of(product, **needs)).status_code == 302
        product.refresh_from_db()
    assert (ticket.needs_delivery, cup.needs_delivery) == (False, True)
    answer = staff.get("/admin/shop/product/", {"needs_delivery__exact": "0"})
    assert list(answer.context["cl"].result_list) == [ticket]


def test_the_front_page_has_the_shop(staff):
    """The side bar leads to goods, coupons, who was granted one, parcels and points."""
    page = staff.get("/admin/").content.decode()
    for name in ("product", "category", "coupon", "coupongrant"):
        assert f'href="/admin/shop/{name}/"' in page
    for path in ("orders/shipment", "accounts/pointentry"):
        assert f'href="/admin/{path}/"' in page


def test_no_page_asks_another_host(staff, make_product):
    """Scripts and styles of the translation tabs come from this shop."""
    product = make_product()
    page = staff.get(f"/admin/shop/product/{product.pk}/change/").content.decode()
    assert "http://" not in page.replace("http://testserver", "")
    assert "https://" not in page
