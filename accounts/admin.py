from datetime import date, timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import points, rights
from accounts.factor_admin import ResetsSecondFactor
from accounts.http import ShopperRequest
from accounts.models import PointEntry, User

#: Whoever has it gives more points than REFUND_LIMIT at once: a point is a won.
ABOVE_LIMIT = "orders.refund_order_above_limit"
#: The most points that staff can give at once.
MOST_GIVEN = 1_000_000

admin.site.unregister(Group)


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, ModelAdmin):
    """What a group may do, only superusers change: whoever is in it would get it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(request.user.is_superuser)


class PersonCreationForm(UserCreationForm):
    class Meta:
        model = User
        fields = ["email"]


class PersonChangeForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class PersonAdmin(ResetsSecondFactor, UserAdmin[User], ModelAdmin):
    """
    Django's own, for people who are known by their e-mail address.

    Staff who are no superusers appoint others by groups, and neither give nor take what they do
    not have, or what only superusers give (``accounts.rights``). Nor do they get into other
    accounts: they set neither passwords nor e-mail addresses.
    """

    form = PersonChangeForm
    add_form = PersonCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ["email"]
    list_display = ["email", "name", "phone", "is_staff", "is_active", "date_joined"]
    search_fields = ["email", "name", "phone"]
    readonly_fields = ["point_balance", "public_id", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        (_("Contact"), {"fields": ["name", "phone", "public_id"]}),
        (_("Points"), {"fields": ["point_balance"]}),
        (
            _("Permissions"),
            {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]},
        ),
        (_("Times"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["email", "usable_password", "password1", "password2"]}),
    ]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or rights.may_manage(cast(User, request.user), obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed: bool = super().has_delete_permission(request, obj)
        return allowed and (obj is None or rights.may_manage(cast(User, request.user), obj))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if obj is None or request.user.is_superuser:
            return fields
        return [*fields, "email", "is_superuser", "user_permissions"]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or request.user.is_superuser:
            return fieldsets
        return [(None, {"fields": ["email"]}), *fieldsets[1:]]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["queryset"] = rights.groups_to_give(cast(User, request.user))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        answer: HttpResponse = super().user_change_password(request, id, form_url)
        return answer

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> User | None:
        user = super().get_object(request, object_id, from_field)
        if user:  # asked here, because the page asks for what it shows several times
            user.usable_points = points.usable(user.pk, now=timezone.now())  # type: ignore[attr-defined]
        return user

    @admin.display(description=_("can be used"))
    def point_balance(self, user: User) -> str:
        url = reverse("admin:accounts_pointentry_changelist")
        usable = f"{user.usable_points:,}"  # type: ignore[attr-defined]
        link = '<a href="{}?user__id__exact={}" class="underline">{}</a>'
        return format_html(link, url, user.pk, usable)


def default_until() -> date:
    return timezone.localdate() + timedelta(days=settings.POINTS_EXPIRE_DAYS)


def last_given(by: Any) -> PointEntry | None:
    """What a member of staff gave last; None if they never gave points."""
    return PointEntry.objects.filter(granted_by=by).select_related("user").order_by("-pk").first()


class PointsForm(forms.ModelForm[PointEntry]):
    """
    Points that a member of staff, ``by``, gives to a person.

    ``seen`` is the entry that they had given last when the form was drawn: sent twice, it gives
    once.
    """

    by: User

    amount = forms.IntegerField(
        label=_("Points"), min_value=1, max_value=MOST_GIVEN, widget=UnfoldAdminIntegerFieldWidget
    )
    until = forms.DateField(
        label=_("Good until"),
        initial=default_until,
        widget=UnfoldAdminSingleDateWidget,
        help_text=_("The last day on which they can be used."),
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Why they are given. The person sees it."),
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = PointEntry
        fields = ["user", "amount", "until", "note", "seen"]

    def clean_user(self) -> User:
        user: User = self.cleaned_data["user"]
        if user == self.by:
            raise forms.ValidationError(
                _("Nobody gives points to themselves: somebody else has to give them to you.")
            )
        return user

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount > settings.REFUND_LIMIT and not self.by.has_perm(ABOVE_LIMIT):
            raise forms.ValidationError(
                _(
                    "You may give at most %(limit)s points at once. Give fewer, or ask somebody "
                    "who may refund above the limit."
                ),
                params={"limit": f"{settings.REFUND_LIMIT:,}"},
            )
        return amount

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until < timezone.localdate():
            raise forms.ValidationError(_("This day has passed. Choose today or a later one."))
        return until

    def clean(self) -> None:
        """Locks who gives, so that of a form sent twice the second sees what the first gave."""
        User.objects.select_for_update(no_key=True).values_list("pk").get(pk=self.by.pk)
        last = last_given(self.by)
        if last is None or last.pk <= (self.cleaned_data.get("seen") or 0):
            return
        sent = cast(QueryDict, self.data).copy()
        sent[self.add_prefix("seen")] = str(last.pk)  # whoever saves what is shown now means it
        self.data = sent
        raise forms.ValidationError(
            _(
                "Since you opened this page you have given %(points)s points to %(person)s. If "
                "these are to be given as well, save again."
            ),
            params={"points": f"{last.amount:,}", "person": last.user},
        )


@admin.register(PointEntry)
class PointEntryAdmin(ModelAdmin):
    """Every change of everybody's points, to read; the form to add one gives points."""

    form = PointsForm
    autocomplete_fields = ["user"]
    list_display = ["created_at", "user", "kind", "change", "left", "expires_at"]
    list_display += ["order_number", "note"]
    list_filter = ["kind"]
    list_select_related = ["user"]
    search_fields = ["user__email", "order_number"]
    search_help_text = _("E-mail or order number.")
    fields = ["user", "kind", "change", "left", "expires_at", "source"]
    fields += ["order_number", "note", "granted_by", "created_at"]

    @display(description=_("points"), ordering="amount")
    def change(self, entry: PointEntry) -> str:
        return f"{entry.amount:+,}" if entry.amount else "0"

    def get_fields(self, request: HttpRequest, obj: PointEntry | None = None) -> Any:
        return PointsForm.Meta.fields if obj is None else self.fields

    def get_form(
        self,
        request: HttpRequest,
        obj: PointEntry | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.by = request.user
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        last = last_given(request.user)
        return {**super().get_changeform_initial_data(request), "seen": last.pk if last else 0}

    def save_model(
        self, request: ShopperRequest, obj: PointEntry, form: PointsForm, change: bool
    ) -> None:
        """Give the points, and let ``obj`` be what was written."""
        now = timezone.now()
        days = (form.cleaned_data["until"] - timezone.localdate(now)).days
        lot = points.grant(
            obj.user,
            obj.amount,
            note=obj.note,
            by=request.user,
            now=now,
            expires_at=points.end_of_day(now, days=days),
        )
        obj.pk = lot.pk
        obj.refresh_from_db()

    def has_change_permission(self, request: HttpRequest, obj: PointEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PointEntry | None = None) -> bool:
        return False
