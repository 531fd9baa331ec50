"""What a shopper sees when something is wrong: the shop's own pages, in their language."""

import pytest
from django.test import Client
from django.utils import translation
from django.views.defaults import server_error


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "said"), [("ko", "찾으시는 페이지가 없습니다"), ("en", "This page does not exist")]
)
def test_an_unknown_address(client, language, said):
    """404 with the shop's header and a way on."""
    answer = client.get("/nowhere/", headers={"Accept-Language": language})
    page = answer.content.decode()
    assert answer.status_code == 404
    assert said in page
    assert 'class="logo"' in page


@pytest.mark.django_db
def test_a_form_without_its_token():
    """403, nothing done, and the shopper is told what to do."""
    answer = Client(enforce_csrf_checks=True).post("/cart/items/", {"product": "x"})
    assert answer.status_code == 403
    assert "페이지를 연 지 오래되었습니다" in answer.content.decode()


@pytest.mark.django_db
def test_a_host_that_is_not_ours(client):
    """400, not an error of ours."""
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "요청을 이해하지 못했습니다" in answer.content.decode()


def test_our_own_fault(rf):
    """The 500 page needs neither database nor session, and warns against paying twice."""
    with translation.override("ko"):
        answer = server_error(rf.get("/"))
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "다시 결제하지 마세요" in page
    assert 'href="/orders/"' in page
