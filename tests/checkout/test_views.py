"""The pages from review to receipt, through Django's test client and the real sandbox."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from checkout import payments, reconciliation, returning
from checkout.models import ProviderCall
from orders.models import Order, PaymentTransaction
from shop.models import CartLine, Product
from tests.queries import queries_of

pytestmark = pytest.mark.django_db(transaction=True)
Status = PaymentTransaction.Status
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"


@pytest.fixture
def cup(make_product):
    return make_product(price=11_000, stock=5)


@pytest.fixture
def cart(fill_cart, cup):
    return fill_cart((cup, 2))


@pytest.fixture
def browser(client, shopper, settings):
    """The shopper's browser, signed in and Korean."""
    settings.LANGUAGE_CODE = "ko"
    client.force_login(shopper)
    return client


@pytest.fixture
def check_out(browser, kakaopay):
    """Post the review form as it was drawn, with some fields changed."""

    def post(seen=None, **changed):
        if seen is None:
            seen = seal_on(browser.get(reverse("checkout:review")))
        fields = {
            "name": "김하나",
            "phone": "010-1234-5678",
            "email": "hana@example.com",
            "consent": "on",
            "seen": seen,
        }
        headers = changed.pop("headers", {})
        return browser.post(reverse("checkout:ready"), fields | changed, headers=headers)

    return post


@pytest.fixture
def charge(start, cart):
    return start()


def seal_on(page):
    return re.search(r'name="seen" value="([^"]*)"', page.content.decode())[1]


def link(charge, name, query=""):
    return reverse(f"checkout:{name}", args=[returning.token_for(charge)]) + query


class TestReview:
    def test_it_shows_the_lines_and_the_tax(self, browser, cart, make_product):
        """22,000 won with 2,000 VAT inside, and 5,000 tax-free."""
        cart.lines.create(product=make_product(price=5_000, is_tax_free=True), quantity=1)
        text = browser.get(reverse("checkout:review")).content.decode()
        for figure in ("27,000", "22,000", "2,000", "5,000"):
            assert figure in text

    def test_it_remembers_the_latest_order(self, browser, charge, shopper):
        """Whoever has no phone number in the account need not type it again."""
        fields = browser.get(reverse("checkout:review")).context["form"].initial
        assert fields == {"name": "김하나", "phone": "010-1234-5678", "email": "hana@example.com"}

    def test_signing_in_comes_first(self, client, cart):
        """A visitor is asked to sign in and comes back here."""
        page = client.get(reverse("checkout:review"))
        assert page.status_code == 302
        assert page.url == f"{reverse('account_login')}?next=/checkout/"

    def test_an_empty_cart_has_nothing_to_review(self, browser):
        """Back to the cart, which says so."""
        page = browser.get(reverse("checkout:review"))
        assert (page.status_code, page.url) == (302, reverse("shop:cart"))


class TestReady:
    def test_it_sends_the_buyer_to_the_provider(self, check_out, cart, kakaopay):
        """303 to the page for a computer; the order keeps what was typed."""
        answer = check_out()
        order = Order.objects.get()
        charge = order.transactions.get()
        assert (answer.status_code, answer.url) == (303, charge.redirect_urls["pc"])
        assert (order.name, order.phone.as_e164, order.email) == (
            "김하나",
            "+821012345678",
            "hana@example.com",
        )

    @pytest.mark.parametrize(
        ("headers", "device"),
        [
            ({"User-Agent": PHONE}, "mobile"),
            ({"User-Agent": "Mozilla/5.0", "Sec-CH-UA-Mobile": "?1"}, "mobile"),
            ({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}, "pc"),
            ({"User-Agent": f"{PHONE} CornerShop/1.0"}, "app"),
        ],
    )
    def test_the_device_chooses_the_page(self, check_out, cart, settings, headers, device):
        """Computer, phone, and the shop's own app."""
        settings.CHECKOUT_APP_USER_AGENT = "CornerShop/"
        answer = check_out(headers=headers)
        assert answer.url == PaymentTransaction.objects.get().redirect_urls[device]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""),
            ("name", "가" * 51),
            ("phone", ""),
            ("phone", "12345"),
            ("phone", "010-123"),
            ("phone", "전화번호"),
            ("phone", "+1 202 555 0123"),
            ("email", f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.example.com"),
            ("email", ""),
            ("email", "hana"),
            ("consent", ""),
        ],
    )
    def test_a_wrong_field_is_told_at_the_field(self, check_out, browser, cart, field, value):
        """422, the error and the focus at the field, the rest still there, nothing placed."""
        changed = {field: value} if field != "consent" else {"consent": ""}
        answer = check_out(**changed)
        form = answer.context["form"]
        assert answer.status_code == 422
        assert list(form.errors) == [field]
        assert form.fields[field].widget.attrs["autofocus"] is True
        assert form.errors[field][0] in answer.content.decode()
        if field != "name":
            assert 'value="김하나"' in answer.content.decode()
        assert (Order.objects.count(), ProviderCall.objects.count()) == (0, 0)

    @pytest.mark.parametrize(
        "phone",
        ["010-1234-5678", "01012345678", "02-123-4567", "+82 10 1234 5678", "070-1234-5678"],
    )
    def test_korean_phone_numbers(self, check_out, cart, phone):
        """Mobile, Seoul, internet telephone, and the international form."""
        assert check_out(phone=phone).status_code == 303

    def test_a_new_price_is_shown_and_asked_about(self, check_out, browser, cart, cup):
        """409 with both prices; agreeing to the new one goes through."""
        seen = seal_on(browser.get(reverse("checkout:review")))
        Product.objects.filter(pk=cup.pk).update(price=12_000)
        answer = check_out(seen=seen)
        text = answer.content.decode()
        assert answer.status_code == 409
        assert "11,000" in text
        assert "12,000" in text
        assert 'value="김하나"' in text
        assert Order.objects.count() == 0
        assert check_out(seen=seal_on(answer)).status_code == 303
        assert Order.objects.get().total == 24_000

    def test_vanished_stock_is_shown(self, check_out, browser, cart, cup):
        """Two in the cart, one left."""
        seen = seal_on(browser.get(reverse("checkout:review")))
        Product.objects.filter(pk=cup.pk).update(stock=1)
        answer = check_out(seen=seen)
        assert answer.status_code == 409
        assert [(c.what, c.was, c.now) for c in answer.context["changes"]] == [("shortage", 2, 1)]

    def test_more_won_than_a_payment_can_be(self, check_out, cart, cup):
        """422 with a sentence, nothing placed."""
        Product.objects.update(price=2_000_000_000)
        answer = check_out()
        assert answer.status_code == 422
        assert "한 번에 결제할 수 있는 금액" in answer.content.decode()
        assert Order.objects.count() == 0

    def test_a_change_of_tax_is_shown(self, check_out, browser, cart, cup):
        """The price is the same, but not the VAT in it."""
        seen = seal_on(browser.get(reverse("checkout:review")))
        Product.objects.update(is_tax_free=True)
        answer = check_out(seen=seen)
        assert answer.status_code == 409
        assert [change.what for change in answer.context["changes"]] == ["tax"]

    @pytest.mark.parametrize("seal", ["", "forged", "W1sxLDEsMSwwXV0:1abc:forged"])
    def test_a_forged_seal_asks_again(self, check_out, cart, seal):
        """What the buyer saw cannot be made up."""
        assert check_out(seen=seal).status_code == 409
        assert Order.objects.count() == 0

    def test_a_provider_that_is_down(self, check_out, browser, cart, cup, kakaopay):
        """503: nothing was charged, the order can be resumed, the cart is intact."""
        kakaopay.fault("ready", before="html_502")
        answer = check_out()
        order = Order.objects.get()
        assert answer.status_code == 503
        assert order.number in answer.content.decode()
        assert (order.status, CartLine.objects.count()) == (Order.Status.PENDING, 1)
        again = browser.post(reverse("checkout:reopen", args=[order.number]))
        assert again.status_code == 303

    def test_paying_again_while_the_outcome_is_unknown(self, check_out, charge, pay, kakaopay):
        """The shopper is sent to the order that is being confirmed; nothing new is placed."""
        pg_token = pay(charge)
        kakaopay.fault("approve", after="drop")
        payments.capture(charge, pg_token=pg_token, now=timezone.now())
        answer = check_out()
        assert (answer.status_code, answer.url) == (302, charge.order.get_absolute_url())
        assert Order.objects.count() == 1

    def test_the_last_piece_can_be_paid_after_going_back(self, check_out, browser, cart, cup):
        """The stock that the shopper's own pending order holds is not "sold out" to them."""
        CartLine.objects.update(quantity=5)
        check_out()
        page = browser.get(reverse("checkout:review"))
        assert page.context["changes"] == []
        assert check_out().status_code == 303
        assert Order.objects.count() == 1

    def test_a_link_alone_does_not_pay_again(self, browser, charge):
        """Who had to sign in on the way comes to their order, and presses the button there."""
        address = reverse("checkout:reopen", args=[charge.order.number])
        assert browser.get(address).url == charge.order.get_absolute_url()
        assert charge.order.transactions.count() == 1
        browser.post(address)
        assert charge.order.transactions.count() == 2

    def test_somebody_elses_order_cannot_be_reopened(self, browser, charge, django_user_model):
        """404, as if it did not exist."""
        browser.force_login(django_user_model.objects.create_user("other@example.com"))
        answer = browser.post(reverse("checkout:reopen", args=[charge.order.number]))
        assert answer.status_code == 404


class TestReturn:
    def test_approve_leads_to_the_receipt(self, browser, charge, pay):
        """Captured, then redirected, so that a reload of the receipt charges nothing."""
        answer = browser.get(link(charge, "approve", f"?pg_token={pay(charge)}"))
        assert (answer.status_code, answer.url) == (302, charge.order.get_absolute_url())
        text = browser.get(answer.url).content.decode()
        charge.refresh_from_db()
        for fact in (charge.tid, charge.aid, "22,000", "2,000", "신한", charge.order.number):
            assert fact in text

    def test_opening_the_link_again_changes_nothing(self, browser, charge, pay, kakaopay):
        """Also without the token, also the other links."""
        browser.get(link(charge, "approve", f"?pg_token={pay(charge)}"))
        for again in ("approve", "cancel", "fail"):
            answer = browser.get(link(charge, again, "?pg_token=x" if again == "approve" else ""))
            assert answer.url == charge.order.get_absolute_url()
        assert Order.objects.get().status == Order.Status.PAID
        assert len(kakaopay.payment(charge.tid).actions) == 1

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "?pg_token=",
            "?pg_token=a&pg_token=b",
            f"?pg_token={'x' * 65}",
            "?pg_token=a%00b",
            "?pg_token=%EA%B0%80",
        ],
    )
    def test_a_missing_or_repeated_token_captures_nothing(self, browser, charge, query):
        """400 and a way on; the charge still waits."""
        answer = browser.get(link(charge, "approve", query))
        charge.refresh_from_db()
        assert (answer.status_code, charge.status) == (400, Status.READY)
        assert charge.order.get_absolute_url() in answer.content.decode()

    @pytest.mark.parametrize("name", ["approve", "cancel", "fail"])
    def test_a_forged_link_opens_nothing(self, browser, charge, name):
        """A signature that is not ours, and one made for something else."""
        token = returning.token_for(charge)
        for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), charge.public_id.hex, "x"):
            answer = browser.get(reverse(f"checkout:{name}", args=[forged]) + "?pg_token=x")
            assert answer.status_code == 404
        charge.refresh_from_db()
        assert charge.status == Status.READY

    def test_without_a_session_it_is_paid_but_shows_nothing(self, client, charge, pay):
        """The link decides whether to capture; the session decides what is shown."""
        answer = client.get(link(charge, "approve", f"?pg_token={pay(charge)}"))
        text = answer.content.decode()
        assert Order.objects.get().status == Order.Status.PAID
        assert answer.status_code == 200
        for secret in (charge.order.name, str(charge.order.email), "22,000", charge.tid):
            assert secret not in text
        assert f"next={charge.order.get_absolute_url()}" in text

    def test_with_somebody_elses_session_too(self, client, charge, pay, django_user_model):
        """Paid, and nothing shown to the other account."""
        client.force_login(django_user_model.objects.create_user("other@example.com"))
        text = client.get(link(charge, "approve", f"?pg_token={pay(charge)}")).content.decode()
        assert Order.objects.get().status == Order.Status.PAID
        assert charge.order.name not in text
        assert f"{reverse('account_logout')}?next=/accounts/login/%3Fnext%3D/orders/" in text

    @pytest.mark.parametrize(("name", "reason"), [("cancel", "QUIT"), ("fail", "FAILED")])
    def test_coming_back_unpaid(self, browser, charge, cup, name, reason):
        """The page says that nothing was charged; stock back, cart there, a way on."""
        answer = browser.get(link(charge, name), follow=True)
        order = Order.objects.get()
        cup.refresh_from_db()
        assert (order.status, order.cancel_reason) == (Order.Status.CANCELED, reason)
        assert (cup.stock, CartLine.objects.get().quantity) == (5, 2)
        assert reverse("checkout:review") in answer.content.decode()

    def test_coming_back_too_late_says_so(self, browser, charge):
        """A fail callback after the deadline is an expiry."""
        Order.objects.update(deadline_at=timezone.now())
        browser.get(link(charge, "fail"))
        assert Order.objects.get().cancel_reason == "EXPIRED"

    def test_an_unknown_outcome_is_said_plainly(self, browser, charge, pay, kakaopay):
        """The page refreshes itself, asks for no second payment, and ends in the receipt."""
        pg_token = pay(charge)
        kakaopay.fault("approve", after="drop")
        answer = browser.get(link(charge, "approve", f"?pg_token={pg_token}"), follow=True)
        assert answer.templates[0].name == "orders/confirming.html"
        assert 'http-equiv="refresh"' in answer.content.decode()
        rows = reconciliation.unsettled(timezone.now())
        list(reconciliation.settle_stale(rows, now=timezone.now()))
        answer = browser.get(charge.order.get_absolute_url())
        assert answer.templates[0].name == "orders/receipt.html"

    def test_the_links_fit_what_kakaopay_allows(self, charge, settings):
        """255 characters, also for a long host name."""
        settings.SITE_URL = "https://" + "a" * 63 + ".shop.example"
        assert len(returning.urls_for(charge).approve) <= 255


class TestBudgets:
    @pytest.mark.parametrize("lines", [1, 30])
    def test_a_purchase_asks_the_database_little(
        self, browser, fill_cart, make_product, kakaopay, pay, lines
    ):
        """ready ≤ 20, approve ≤ 15, receipt ≤ 8, however many lines the cart has."""
        fill_cart(*((make_product(stock=9), 1) for _ in range(lines)))
        seen = seal_on(browser.get(reverse("checkout:review")))
        fields = {
            "name": "김하나",
            "phone": "010-1234-5678",
            "email": "hana@example.com",
            "consent": "on",
            "seen": seen,
        }
        ready = queries_of(lambda: browser.post(reverse("checkout:ready"), fields))
        charge = PaymentTransaction.objects.get()
        approval = link(charge, "approve", f"?pg_token={pay(charge)}")
        approve = queries_of(lambda: browser.get(approval))
        assert Order.objects.get().status == Order.Status.PAID
        receipt = queries_of(lambda: browser.get(charge.order.get_absolute_url()))
        for name, queries, most in (
            ("ready", ready, 20),
            ("approve", approve, 15),
            ("receipt", receipt, 8),
        ):
            assert len(queries) <= most, f"{name}: {len(queries)}\n" + "\n".join(queries)


def test_a_session_that_ended_on_the_way_to_pay(client, cart, shopper):
    """Signing in again leads back to the review, not to an error."""
    answer = client.get(reverse("checkout:ready"))
    assert answer.url == f"{reverse('account_login')}?next=/checkout/ready/"
    client.force_login(User.objects.get())
    assert client.get(reverse("checkout:ready")).url == reverse("checkout:review")
