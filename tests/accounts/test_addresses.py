"""Saved addresses: what may be saved, and two tabs at once."""

import re
import unicodedata
from datetime import timedelta

import pytest
from django import forms
from django.db import connection, transaction
from django.utils import translation

from accounts import addresses
from accounts.addresses import Destination
from accounts.forms import PostalForm
from accounts.models import Address, User
from tests.addresses import HOME, NOW, OFFICE, TYPED, defaults_of, fill_up, save
from tests.queries import queries_of
from tests.races import all_at_once, at_once


@pytest.mark.django_db
class TestRemember:
    def test_a_new_address_is_saved(self, shopper):
        """Every part of it, with the time of the order, and not as the default."""
        addresses.remember(shopper.pk, HOME, now=NOW)
        saved = shopper.addresses.get()
        assert (saved.recipient, saved.phone.as_e164, saved.postcode) == (
            "김하나",
            "+821012345678",
            "06236",
        )
        assert (saved.line1, saved.line2) == ("서울 강남구 테헤란로 123", "4층")
        assert (saved.memo, saved.used_at, saved.is_default) == ("문 앞에 놓아 주세요", NOW, False)

    def test_a_saved_one_is_used_again(self, shopper):
        """Time and note are the new ones; label and default are as its owner left them."""
        first = save(shopper, HOME, label="집", is_default=True)
        later = NOW + timedelta(days=3)
        again = Destination(HOME.recipient, HOME.phone, HOME.postcode, HOME.line1, "4층", "경비실")
        for _ in range(2):
            addresses.remember(shopper.pk, again, now=later)
        saved = shopper.addresses.get()
        assert (saved.pk, saved.label, saved.is_default) == (first.pk, "집", True)
        assert (saved.memo, saved.used_at) == ("경비실", later)

    def test_it_is_one_query(self, shopper):
        """Whether the address is new or not."""
        for _ in range(2):
            asked = queries_of(lambda: addresses.remember(shopper.pk, HOME, now=NOW))
            assert [sql.split(" (")[0] for sql in asked] == ['INSERT INTO "accounts_address"']

    def test_two_people_may_live_together(self, shopper, someone_elses):
        """The same address in another account is another row."""
        addresses.remember(shopper.pk, HOME, now=NOW)
        assert Address.objects.count() == 2

    def test_it_knows_no_limit(self, shopper):
        """The 21st is remembered; only the next one typed in is refused."""
        fill_up(shopper, 20)
        addresses.remember(shopper.pk, HOME, now=NOW)
        assert shopper.addresses.count() == 21
        with pytest.raises(addresses.TooMany):
            save(shopper, OFFICE)

    def test_it_can_be_part_of_a_transaction(self, shopper):
        """It is undone with the order that it belongs to."""
        with transaction.atomic():
            addresses.remember(shopper.pk, HOME, now=NOW)
            transaction.set_rollback(True)
        assert not shopper.addresses.exists()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_defaults(self, shopper):
        """Eight tabs each make another address the default: all are served, one is it."""
        fill_up(shopper, 8)
        each = list(shopper.addresses.all())
        for _ in range(5):
            all_at_once([lambda a=address: addresses.make_default(a) for address in each])
            assert len(defaults_of(shopper)) == 1

    def test_two_new_defaults(self, shopper):
        """Addresses added as the default by eight tabs: all are saved, one is the default."""
        homes = [Destination("김하나", "+821012345678", "06236", "길", f"{n}층") for n in range(8)]
        all_at_once([lambda to=home: save(shopper, to, is_default=True) for home in homes])
        assert shopper.addresses.count() == 8
        assert len(defaults_of(shopper)) == 1

    def test_the_last_free_place(self, shopper):
        """With 19 saved, eight tabs add one each: one is saved, seven are refused."""
        fill_up(shopper, 19)
        said: list[str] = []
        floors = iter(range(100, 108))

        def add() -> None:
            home = Destination("김하나", "+821012345678", "06236", "길", f"{next(floors)}층")
            try:
                save(shopper, home)
            except addresses.TooMany:
                said.append("too many")

        at_once(add, times=8)
        assert (shopper.addresses.count(), len(said)) == (20, 7)

    def test_the_same_address(self, shopper):
        """Typed in by four tabs and remembered by four orders at once, it is saved once."""
        refused: list[addresses.SavedAlready] = []

        def add() -> None:
            try:
                save(shopper, HOME)
            except addresses.SavedAlready as refusal:
                refused.append(refusal)

        def remember() -> None:
            addresses.remember(shopper.pk, HOME, now=NOW)

        all_at_once([add, remember] * 4)
        assert shopper.addresses.count() == 1
        assert len(refused) in {3, 4}

    def test_an_order_does_not_wait_for_a_page(self, shopper):
        """While a page holds the addresses, another one can be remembered."""
        with addresses.locked(shopper.pk):
            at_once(limited(lambda: addresses.remember(shopper.pk, HOME, now=NOW)), times=1)
        assert shopper.addresses.count() == 1


def limited(action):
    """The action, which fails instead of waiting for a lock."""

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        action()

    return run


@pytest.mark.django_db
class TestGone:
    def test_a_deleted_address_is_not_made_the_default(self, shopper):
        """The other tab deleted it: the default stays what it was."""
        home, office = save(shopper, HOME, is_default=True), save(shopper, OFFICE)
        addresses.forget(office)
        with pytest.raises(Address.DoesNotExist):
            addresses.make_default(office)
        assert defaults_of(shopper) == [home]

    def test_a_deleted_address_is_not_written_back(self, shopper):
        """Saving what another tab has deleted does not bring it back."""
        home = save(shopper, HOME)
        addresses.forget(home)
        with pytest.raises(Address.DoesNotExist):
            addresses.change(home, OFFICE, label="", is_default=True)
        assert not shopper.addresses.exists()

    def test_deleting_twice(self, shopper):
        """The second tab's click changes nothing and fails nothing."""
        home, office = save(shopper, HOME), save(shopper, OFFICE)
        addresses.forget(home)
        addresses.forget(home)
        assert list(shopper.addresses.all()) == [office]


class TestPostalForm:
    """What checkout asks: no account is needed to understand an address."""

    def form(self, **changed: str) -> PostalForm:
        typed = {f"address-{name}": value for name, value in (TYPED | changed).items()}
        return PostalForm(typed, prefix="address")

    def test_a_destination(self):
        """What was typed, as the order and the account store it."""
        form = self.form()
        assert form.is_valid()
        assert form.destination == HOME

    def test_the_least(self):
        """Second line and note may be left out."""
        form = self.form(line2="", memo="")
        assert form.is_valid()
        assert form.destination == Destination(
            HOME.recipient, HOME.phone, HOME.postcode, HOME.line1
        )

    @pytest.mark.parametrize("typed", ["06236 ", "  06236", "０６２３６", "06 236", "06236\n"])
    def test_a_postcode_is_understood(self, typed):
        """With blanks, or in the wide digits of a Korean keyboard."""
        form = self.form(postcode=typed)
        assert form.is_valid()
        assert form.destination.postcode == "06236"

    @pytest.mark.parametrize(
        "typed", ["1234", "123456", "135-080", "abcde", "٠٦٢٣٦", "06236-1", "\x0006236"]
    )
    def test_a_postcode_is_refused(self, typed):
        """Four or six digits, the old form, letters, digits of another script, a NUL."""
        with translation.override("en"):
            errors = self.form(postcode=typed).errors.get_json_data()
        assert list(errors) == ["postcode"]
        said = [error["message"] for error in errors["postcode"]]
        assert "Enter the five digits of the postal code." in said

    def test_letters_and_blanks(self):
        """Hangul in parts, as a Mac types it, and copied blanks are the same address."""
        apart = unicodedata.normalize("NFD", "서울  강남구\t테헤란로 123 ")
        assert apart != HOME.line1
        form = self.form(line1=apart, line2="\u3000 4층\n", recipient=" 김하나 ")
        assert form.is_valid()
        assert form.destination == HOME

    @pytest.mark.parametrize("field", ["recipient", "phone", "line1", "line2", "memo"])
    def test_a_nul_is_refused(self, field):
        """PostgreSQL could not store it: the field says so, and nothing crashes."""
        assert list(self.form(**{field: "a\x00b"}).errors) == [field]

    @pytest.mark.parametrize(
        ("field", "limit"), [("recipient", 50), ("line1", 100), ("line2", 100), ("memo", 100)]
    )
    def test_lengths(self, field, limit):
        """As many letters as the column holds, and not one more."""
        assert self.form(**{field: "가" * limit}).is_valid()
        assert list(self.form(**{field: "가" * (limit + 1)}).errors) == [field]

    @pytest.mark.django_db
    def test_it_begins_with_the_account(self, shopper):
        """Without an address: the account's name and phone, as Koreans write it."""
        shopper.phone = "+821012345678"
        shopper.save()
        form = PostalForm.of(None, User.objects.get(), prefix="address")
        assert form.initial == {"recipient": "김하나", "phone": "010-1234-5678"}
        assert form["recipient"].html_name == "address-recipient"

    @pytest.mark.django_db
    def test_it_begins_with_an_address(self, shopper):
        """Every part of the saved one, which it then says again unchanged."""
        form = PostalForm.of(save(shopper, HOME), shopper)
        assert form.initial == {name: TYPED[name] for name in PostalForm.base_fields}
        again = PostalForm(form.initial)
        assert again.is_valid()
        assert again.destination == HOME

    @pytest.mark.django_db
    def test_a_form_may_ask_more(self, shopper):
        """A question that addresses have no answer to begins unanswered, and goes nowhere."""

        class Asking(PostalForm):
            is_saved = forms.BooleanField(required=False)

        form = Asking.of(save(shopper, HOME), shopper)
        assert "is_saved" not in form.initial
        again = Asking(form.initial | {"is_saved": "on"})
        assert again.is_valid()
        assert again.destination == HOME

    @pytest.mark.django_db
    def test_browsers_can_fill_it_in(self, shopper):
        """Each input says what it is for, and the note's suggestions belong to its input."""
        page = PostalForm(prefix="address").as_div()
        for words in ["name", "tel", "postal-code", "address-line1", "address-line2"]:
            assert f'autocomplete="shipping {words}"' in page
        assert re.search(r'name="address-postcode"[^>]* inputmode="numeric"', page)
        assert 'list="address-memo-notes"' in page
        assert '<datalist id="address-memo-notes"><option>' in page
