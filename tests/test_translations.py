"""Korean comes first: no sentence of the shop is without it."""

import re

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from tests.processes import ROOT

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with (ROOT / "locale/ko/LC_MESSAGES/django.po").open("rb") as file:
        return read_po(file, locale="ko")


def test_every_sentence_is_in_korean(catalogue):
    """No message is empty and none is a guess (fuzzy)."""
    messages = [message for message in catalogue if message.id]
    assert len(messages) > 250
    assert [m.id for m in messages if m.fuzzy] == []
    assert [m.id for m in messages if not all(forms(m.string))] == []


def test_the_values_in_a_sentence_survive_translation(catalogue):
    """A translation names the very values that the sentence names, no more and no fewer."""
    differing = [
        message.id
        for message in catalogue
        if message.id
        and set(PLACEHOLDER.findall(forms(message.id)[-1]))
        != set(PLACEHOLDER.findall(forms(message.string)[0]))
    ]
    assert differing == []


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Singular and plural, or the one form there is."""
    return text if isinstance(text, tuple) else (text,)
