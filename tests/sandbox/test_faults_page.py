"""The page on which a person arranges faults, without JavaScript."""

import re

import requests

from tests.processes import ROOT


def page_of(kakaopay, **form):
    """The page after a form of it was sent, or as it stands."""
    url = f"{kakaopay.url}/sandbox/faults/"
    page = requests.post(url, data=form, timeout=30) if form else requests.get(url, timeout=30)
    assert page.url == url
    return page


def test_a_person_arranges_a_fault(merchant, kakaopay):
    """The form does what the JSON does and shows it."""
    form = {"endpoint": "order", "when": "before", "kind": "not_json", "times": "3"}
    page = page_of(kakaopay, **form)
    assert page.status_code == 200
    assert "<code>not_json</code>" in page.text
    assert "3번" in page.text
    assert merchant.send("order", tid=merchant.ready()["tid"]).text == "OK"


def test_seconds_and_codes_have_fields_of_their_own(kakaopay):
    """They become part of the kind they belong to, and of no other."""
    form = {"endpoint": "cancel", "when": "after", "times": "1", "seconds": "12", "code": "-1:X"}
    assert "<code>stall:12</code>" in page_of(kakaopay, **form, kind="stall").text
    assert "<code>error:-1:X</code>" in page_of(kakaopay, **form, kind="error").text
    assert "<code>drop</code>" in page_of(kakaopay, **form, kind="drop").text


def test_a_fault_can_stay_until_it_is_cleared(kakaopay):
    """The tick counts, whatever the number of times says."""
    form = {"endpoint": "order", "when": "before", "kind": "drop", "times": "3"}
    page = page_of(kakaopay, **form, until_cleared="1")
    assert "지울 때까지 <span" in page.text.partition('class="faults"')[2]


def test_one_fault_or_all_can_be_removed(kakaopay):
    """Each has a button; the last one clears them all."""
    form = {"endpoint": "order", "when": "before", "times": "1"}
    page_of(kakaopay, **form, kind="drop")
    page_of(kakaopay, **form, kind="empty")
    page = page_of(kakaopay, **form, kind="not_json").text
    buttons = re.findall(r'action="(/sandbox/faults/\d+/)"', page)
    page = requests.post(kakaopay.url + buttons[1], timeout=30).text
    assert re.findall(
        r"<code>(drop|empty|not_json)</code>", page.partition('class="faults"')[2]
    ) == [
        "drop",
        "not_json",
    ]
    assert 'class="faults"' not in page_of(kakaopay, clear="1").text


def test_what_cannot_be_arranged_is_said(kakaopay):
    """A sentence in Korean and English, the form as it was filled in, and no fault."""
    form = {"endpoint": "ready", "when": "after", "kind": "wrong_amount", "times": "7"}
    page = page_of(kakaopay, **form)
    assert page.status_code == 400
    assert "바꿀 것이 없습니다. / An answer to ready has nothing" in page.text
    assert 'value="7"' in page.text
    assert '<option value="ready" selected>' in page.text
    assert 'class="faults"' not in page.text


def test_every_kind_is_explained(kakaopay):
    """The list under the form has each, with what follows its name."""
    kinds = re.findall(r"<dt><code>(.*?)</code></dt>", page_of(kakaopay).text)
    assert len(kinds) == 16
    assert {"stall:SECONDS", "error:CODE[:REASON]", "refuse:SECONDS", "huge"} <= set(kinds)


def test_every_kind_is_documented(kakaopay):
    """The page about the sandbox names exactly the kinds there are."""
    table = (ROOT / "docs" / "sandbox.md").read_text().partition("| kind |")[2].partition("\n\n")[0]
    written = re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    kinds = re.findall(r"<dt><code>(.*?)</code></dt>", page_of(kakaopay).text)
    assert sorted(written) == sorted(kinds)
