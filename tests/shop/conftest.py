from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def english(client: Client) -> Client:
    """A browser that reads English, where sentences are compared."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def htmx(english: Client) -> Any:
    """Posts as htmx does: ``htmx(url, data)``."""

    def post(url: str, data: dict[str, Any]) -> Any:
        return english.post(url, data, headers={"HX-Request": "true"})

    return post
