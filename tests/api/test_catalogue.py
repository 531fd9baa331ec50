"""Products and categories: the same for everybody, in pages, and only if they have changed."""

import pytest

from shop.models import Category, Product
from tests.api.conftest import code_of
from tests.queries import queries_of

pytestmark = pytest.mark.django_db


def slugs(answer):
    assert answer.status_code == 200
    return [each["slug"] for each in answer.json()["results"]]


@pytest.fixture
def goods(make_product):
    """Seven cups, and a book on an earlier shelf."""
    for number in range(1, 8):
        make_product(slug=f"cup-{number}", name_en=f"Cup {number}", stock=number)
    Category.objects.filter(slug="kitchen").update(position=2)
    books = Category.objects.create(slug="books", name_ko="책", name_en="Books", position=1)
    return Product.objects.create(
        category=books, slug="walks", name_ko="산책", name_en="Walks", price=15_000, stock=0
    )


class TestProducts:
    def test_one(self, nobody, goods):
        """What the contract names, and more; in the client's language."""
        assert nobody.get("products/walks/").json() == {
            "slug": "walks",
            "name": "Walks",
            "description": "",
            "category": "books",
            "price": 15_000,
            "stock_status": "sold_out",
            "image": None,
            "is_tax_free": False,
            "needs_delivery": True,
            "plan": None,
        }
        assert nobody.get("products/walks/", accept_language="ko").json()["name"] == "산책"

    def test_how_many_are_left_is_not_told(self, nobody, goods):
        """Only whether it can be had: up to five are few."""
        found = nobody.get("products/").json()["results"]
        said = {each["slug"]: each["stock_status"] for each in found}
        assert (said["walks"], said["cup-5"], said["cup-6"]) == ("sold_out", "few_left", "in_stock")

    def test_what_is_not_on_sale_does_not_exist(self, nobody, goods):
        """Neither alone nor in the list."""
        Product.objects.filter(slug="walks").update(is_active=False)
        assert code_of(nobody.get("products/walks/")) == (404, "not_found")
        assert "walks" not in slugs(nobody.get("products/"))

    def test_pages_go_on_where_the_last_ended(self, nobody, goods):
        """As they stand in the shop, shelf by shelf; what comes meanwhile shifts nothing."""
        first = nobody.get("products/?page_size=3")
        assert slugs(first) == ["walks", "cup-1", "cup-2"]
        Product.objects.filter(slug="cup-1").delete()
        second = nobody.get(first.json()["next"].removeprefix("http://testserver"))
        assert slugs(second)[-2:] == ["cup-4", "cup-5"]
        back = nobody.get(second.json()["previous"].removeprefix("http://testserver"))
        assert slugs(back) == ["walks", "cup-2"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("category=books", ["walks"]),
            ("q=산책", ["walks"]),
            ("q=cup 7", ["cup-7"]),
            ("in_stock=true&page_size=2", ["cup-1", "cup-2"]),
            ("q=nothing-of-the-kind", []),
        ],
    )
    def test_filters(self, nobody, goods, query, expected):
        """By category, words in either language, and what can be ordered."""
        assert slugs(nobody.get(f"products/?{query}")) == expected

    @pytest.mark.parametrize("query", ["category=nowhere", f"q={'a' * 81}", "cursor=x", "q=%00"])
    def test_what_is_no_filter(self, nobody, goods, query):
        """Is refused, not ignored."""
        assert nobody.get(f"products/?{query}").status_code in {400, 404}

    def test_a_fixed_number_of_queries(self, nobody, goods):
        """However many products there are."""
        assert len(queries_of(lambda: nobody.get("products/"))) == 1


class TestEtag:
    def test_what_has_not_changed_is_not_sent_again(self, nobody, goods):
        """304 without a body, for the list and for one."""
        for address in ("products/", "products/walks/"):
            tag = nobody.get(address)["ETag"]
            again = nobody.get(address, if_none_match=tag)
            assert (again.status_code, again.content) == (304, b"")

    def test_what_a_cache_may_do(self, nobody, goods):
        """Keep it, and ask before it gives it away; for HEAD too."""
        for method in ("GET", "HEAD"):
            assert nobody.send(method, "products/walks/")["Cache-Control"] == "no-cache"

    def test_what_has_changed_is(self, nobody, goods):
        """Another price, another tag."""
        tag = nobody.get("products/walks/")["ETag"]
        Product.objects.filter(slug="walks").update(price=16_000)
        again = nobody.get("products/walks/", if_none_match=tag)
        assert (again.status_code, again.json()["price"]) == (200, 16_000)
        assert again["ETag"] != tag

    def test_each_language_has_its_own(self, nobody, goods):
        """A cache between must not give one for the other."""
        korean = nobody.get("products/walks/", accept_language="ko")
        assert korean["ETag"] != nobody.get("products/walks/")["ETag"]
        assert "Accept-Language" in korean["Vary"]


def test_categories(nobody, goods):
    """In the order of the shop."""
    assert nobody.get("categories/").json() == [
        {"slug": "books", "name": "Books"},
        {"slug": "kitchen", "name": "Kitchen"},
    ]
