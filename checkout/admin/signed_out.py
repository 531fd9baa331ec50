"""Where a form leads whose sender had been signed out: signing in again brings no form along."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _


def back_to(request: HttpRequest, page: str, pk: int) -> HttpResponse:
    """The page that the form stands on, which says that nothing was done."""
    messages.warning(request, _("Nothing was done. If you had been signed out, do it again."))
    return redirect(f"admin:{page}_change", pk)
