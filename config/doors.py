"""By which doors people come in."""

from django.conf import settings
from django.http import HttpRequest


def doors(request: HttpRequest) -> dict[str, bool]:
    """A context processor: is there a button to sign in with a Kakao account?"""
    return {"has_kakao_login": bool(settings.KAKAO_LOGIN_KEY)}
