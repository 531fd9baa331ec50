"""The shelf and the product pages."""

import pytest

from shop.models import Category, Product
from tests.queries import queries_of

CART = "/cart/"


@pytest.mark.django_db
class TestLooking:
    def test_the_shelf_shows_what_is_on_sale(self, english, make_product):
        """Products on sale with price and stock; what is off sale is absent."""
        make_product(name_en="Cup", price=12_000, stock=10)
        make_product(name_en="Pot", stock=3)
        make_product(name_en="Pan", stock=0)
        make_product(name_en="Ghost", is_active=False)
        page = english.get("/").content.decode()
        assert "₩12,000" in page
        assert page.count('class="product-card') == 3
        assert page.count("3 left") == 1
        assert page.count("Sold out") == 1
        assert "Ghost" not in page

    def test_korean_comes_first(self, client, make_product):
        """Without a wish the shop speaks Korean, in won as Koreans write them."""
        make_product(name_ko="머그", price=12_000)
        page = client.get("/").content.decode()
        assert '<html lang="ko">' in page
        assert "머그" in page
        assert "12,000원" in page

    def test_the_language_switch_stays_on_the_page(self, client, make_product):
        """Choosing English comes back to where one was, in English from then on."""
        make_product(slug="cup", name_en="Cup")
        answer = client.post("/i18n/setlang/", {"language": "en", "next": "/products/cup/"})
        assert (answer.status_code, answer["Location"]) == (302, "/products/cup/")
        assert "Add to cart" in client.get("/products/cup/").content.decode()

    def test_search_finds_in_both_languages(self, client, make_product):
        """Every word must occur, in whichever language and case."""
        make_product(slug="mug", name_ko="도톰한 머그", name_en="Stoneware mug")
        make_product(slug="pot", name_ko="드립 포트", name_en="Drip kettle")

        def found(words):
            return [p.slug for p in client.get("/", {"q": words}).context["page"]]

        assert found("머그") == ["mug"]
        assert found("KETTLE drip") == ["pot"]
        assert found("kettle 머그") == []
        assert found("\0") == ["mug", "pot"]

    def test_a_search_as_long_as_an_address_may_be(self, client, make_product):
        """Thousands of words cost no more than the first eighty letters."""
        make_product(name_ko="가 나")
        answer = client.get("/", {"q": "가 나 " * 2_000})
        assert (answer.status_code, len(answer.context["words"])) == (200, 80)

    def test_a_search_is_escaped(self, english):
        """What is searched for is text on the page, never markup."""
        page = english.get("/", {"q": "<script>alert(1)</script>"}).content.decode()
        assert "<script>alert(1)" not in page
        assert "Nothing was found for" in page

    def test_a_category_filters(self, client, make_product):
        """Only the category's products; an unknown category is a 404 that still shows the shop."""
        other = Category.objects.create(slug="desk", name_ko="문구")
        make_product(slug="cup")
        make_product(slug="pen")
        Product.objects.filter(slug="pen").update(category=other)
        assert [p.slug for p in client.get("/?category=desk").context["page"]] == ["pen"]
        lost = client.get("/?category=none")
        assert lost.status_code == 404
        assert len(lost.context["page"]) == 2

    @pytest.mark.parametrize(("page", "shown"), [("1", 24), ("2", 6), ("x", 24), ("99", 6)])
    def test_pages(self, client, make_product, page, shown):
        """Thirty products are two pages; an odd page number shows the nearest real page."""
        for _ in range(30):
            make_product()
        assert len(client.get("/", {"page": page}).context["page"]) == shown

    @pytest.mark.parametrize(
        ("stock", "said"), [(0, "Sold out"), (1, "1 left"), (5, "5 left"), (6, "In stock")]
    )
    def test_the_product_page_tells_the_stock(self, english, make_product, stock, said):
        """Few left is a number; sold out leaves nothing to press."""
        make_product(slug="cup", stock=stock)
        page = english.get("/products/cup/").content.decode()
        assert f">{said}</span>" in page
        assert ("disabled>Sold out" in page) == (stock == 0)

    def test_an_unknown_product_is_not_found(self, english, make_product):
        """A slug nobody has, and one off sale, get the shop's own 404 page."""
        make_product(slug="ghost", is_active=False)
        for slug in ("none", "ghost"):
            answer = english.get(f"/products/{slug}/")
            assert answer.status_code == 404
            assert "This page does not exist" in answer.content.decode()


@pytest.mark.django_db
class TestBudget:
    @pytest.mark.parametrize("many", [1, 30])
    def test_the_product_list_takes_seven_queries_at_most(
        self, client, shopper, make_product, fill_cart, many
    ):
        """However many products, signed in, with a cart, a membership to look for, and a search."""
        products = [make_product() for _ in range(many)]
        fill_cart(*[(product, 1) for product in products])
        client.force_login(shopper)
        assert len(queries_of(lambda: client.get("/", {"q": "컵", "category": "kitchen"}))) <= 7

    @pytest.mark.parametrize("many", [1, 30])
    def test_the_cart_takes_seven_queries(self, client, shopper, make_product, fill_cart, many):
        """
        Session, account, membership, cart, lines, what members would save, and the count in the
        header: none per line.
        """
        fill_cart(*[(make_product(), 1) for _ in range(many)])
        client.force_login(shopper)
        assert len(queries_of(lambda: client.get(CART))) == 7

    @pytest.mark.parametrize("page", ["/", "/products/cup/", "/products/monthly/"])
    def test_a_visitor_is_not_asked_about(self, client, make_product, monthly, page):
        """Nobody's membership is looked for where nobody is signed in."""
        make_product(slug="cup")
        assert not [sql for sql in queries_of(lambda: client.get(page)) if "_membership" in sql]

    @pytest.mark.parametrize("page", ["/", "/products/cup/", "/products/monthly/", CART])
    def test_a_shopper_is_asked_about_once(self, client, shopper, make_product, monthly, page):
        """For prices, plans and the menu together."""
        make_product(slug="cup")
        client.force_login(shopper)
        asked = [sql for sql in queries_of(lambda: client.get(page)) if "_membership" in sql]
        assert len(asked) == 1

    @pytest.mark.parametrize("many", [1, 6])
    def test_the_plans_take_five_queries(self, client, shopper, make_plan, join, many):
        """Session, account, membership, plans and the count in the header, also for a member."""
        plans = [make_plan() for _ in range(many)]
        join(plans[0])
        client.force_login(shopper)
        assert len(queries_of(lambda: client.get("/premium/"))) == 5
