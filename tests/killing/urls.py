"""The shop's addresses, and one at which a process does what a worker does, to be killed at it."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from checkout import renewals
from config.urls import urlpatterns as of_the_shop


def renew(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(renewals.renew(pk, now=timezone.now()).said)


urlpatterns = [path("renew/<int:pk>/", renew), *of_the_shop]
