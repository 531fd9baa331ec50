"""Resetting the second factor of somebody whose device is lost."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from accounts import second_factors
from accounts.http import ShopperRequest

for shown_nowhere in (SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(shown_nowhere)
admin.site.unregister(Authenticator)  # its page would show what the codes are made of


class ResetsSecondFactor:
    """A person's page offers superusers to take a second factor away whose device is lost."""

    actions_detail = ("reset_second_factor",)

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Reset second factor…"),
        url_path="reset-second-factor",
        permissions=["reset_factor"],
        icon="phonelink_erase",
    )
    def reset_second_factor(self: Any, request: ShopperRequest, object_id: str) -> HttpResponse:
        """Ask, then reset it. The log keeps who did."""
        person = self.get_object(request, object_id)
        if person is None:
            raise Http404
        if not request.user.is_superuser:
            raise PermissionDenied
        if request.method == "POST":
            if second_factors.reset(person):
                self.log_change(request, person, _("Second factor reset."))
                messages.success(request, _("The second factor was reset."))
            else:
                messages.warning(request, _("This person has no second factor."))
            return redirect("admin:accounts_user_change", person.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Reset the second factor of %(person)s") % {"person": person},
            "original": person,
            "factors": Authenticator.objects.filter(user=person).order_by("pk"),
        }
        return render(request, "admin/accounts/user/reset_second_factor.html", context)

    def has_reset_factor_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return bool(request.user.is_superuser)
