"""The demo shop can be loaded again and again."""

from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts.models import User
from shop.demo.catalogue import GOODS, SHELVES
from shop.models import Category, Product


@pytest.fixture
def load(db, settings, tmp_path):
    """Run the command with pictures in a directory of its own; returns what it printed."""
    settings.MEDIA_ROOT = tmp_path
    settings.DEBUG = True

    def run(*arguments):
        out = StringIO()
        call_command("load_demo", *arguments, stdout=out)
        return out.getvalue()

    return run


def test_the_catalogue_has_what_a_demo_needs():
    """At least a dozen products, a tax-free one, a sold-out one, one with three left; pictures."""
    assert len(GOODS) >= 14
    assert any(goods.is_tax_free for goods in GOODS)
    assert [goods.slug for goods in GOODS if goods.stock == 0] == ["wool-blanket"]
    assert [goods.slug for goods in GOODS if goods.stock == 3] == ["long-umbrella"]
    assert {goods.shelf for goods in GOODS} == {shelf.slug for shelf in SHELVES}
    assert all(goods.picture.is_file() for goods in GOODS)


def test_loading_twice_changes_nothing(load, tmp_path):
    """The second run makes no second of anything, pictures included."""
    assert load().startswith(f"{len(GOODS)} products ({len(GOODS)} new) in {len(SHELVES)} cat")
    before = list(Product.objects.values())
    assert load().startswith(f"{len(GOODS)} products (0 new)")
    assert list(Product.objects.values()) == before
    assert (Category.objects.count(), User.objects.count()) == (len(SHELVES), 2)
    assert len(list((tmp_path / "products").iterdir())) == len(GOODS)


def test_sold_stock_stays_sold(load):
    """A second run brings texts and prices up to date, and stock only when asked."""
    load()
    Product.objects.filter(slug="long-umbrella").update(stock=1, price=1, name_ko="?")
    load()
    umbrella = Product.objects.get(slug="long-umbrella")
    assert (umbrella.stock, umbrella.price, umbrella.name_ko) == (1, 34_000, "겨자색 장우산")
    load("--restock")
    assert Product.objects.get(slug="long-umbrella").stock == 3


def test_a_lost_or_changed_picture_is_put_back(load, tmp_path):
    """The media storage ends with the drawings of the catalogue, one each."""
    load()
    drawing = tmp_path / "products" / "drip-kettle.svg"
    original = drawing.read_bytes()
    drawing.write_text("scribble")
    (tmp_path / "products" / "desk-lamp.svg").unlink()
    load()
    assert drawing.read_bytes() == original
    assert len(list((tmp_path / "products").iterdir())) == len(GOODS)


def test_the_demo_people_can_sign_in(load, client):
    """Both passwords work, both addresses are verified, and only staff is staff."""
    load()
    for email in ("shopper@example.com", "staff@example.com"):
        assert client.login(email=email, password="kakaopay-demo")
        assert EmailAddress.objects.get(email=email).verified
    assert User.objects.get(is_superuser=True, is_staff=True).email == "staff@example.com"


def test_it_refuses_outside_development(load, settings):
    """With DEBUG off nothing is written: the passwords are known to everybody."""
    settings.DEBUG = False
    with pytest.raises(CommandError, match="only runs with DEBUG on"):
        load()
    assert not User.objects.exists()
    assert not Product.objects.exists()
