"""What a load balancer asks."""

import pytest


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_healthy_process(client, path):
    """Both say ok."""
    answer = client.get(path)
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_a_balancer_calls_by_address(client, settings):
    """No host name of ours, no TLS: answered all the same, not redirected."""
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/readyz", headers={"Host": "10.0.0.7:8000"})
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_a_process_lives_without_its_database(client):
    """The first probe asks nothing of the database: pytest would refuse the query."""
    assert client.get("/healthz").status_code == 200
