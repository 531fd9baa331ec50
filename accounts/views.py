from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import addresses, balances
from accounts.forms import AddressForm, ProfileForm
from accounts.http import ShopperRequest
from accounts.models import Address, User

MOVEMENTS_PER_PAGE = 20


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name and phone for the next checkout, and the way to everything else of the account."""
    user = User.objects.get(pk=cast(User, request.user).pk)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST":
        if form.is_valid():
            form.save()
            messages.success(request, _("Saved. The next checkout will know it."))
            return HttpResponseRedirect(reverse("accounts:profile"), status=303)
        return render(request, "account/profile.html", {"form": form}, status=422)
    return render(request, "account/profile.html", {"form": form})


@never_cache
@login_required
@require_GET
def address_list(request: ShopperRequest) -> HttpResponse:
    """The shopper's saved addresses, in the order in which checkout offers them."""
    saved = list(request.user.addresses.all())
    too_many = str(addresses.TooMany()) if len(saved) >= addresses.MOST else ""
    context = {"addresses": saved, "too_many": too_many}
    return render(request, "account/addresses.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def address_add(request: ShopperRequest) -> HttpResponse:
    """Save one more address; the form begins with the account's name and phone."""
    form = AddressForm.of(None, request.user, data=request.POST or None)
    if form.is_valid():
        try:
            addresses.add(
                request.user.pk,
                form.destination,
                label=form.cleaned_data["label"],
                is_default=form.cleaned_data["is_default"],
                now=timezone.now(),
            )
        except addresses.CannotSave as refusal:
            form.add_error(None, str(refusal))
        else:
            return address_saved(request)
    return address_page(request, form)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def address_edit(request: ShopperRequest, pk: int) -> HttpResponse:
    """Write over a saved address of the shopper's own."""
    address = get_object_or_404(Address, pk=pk, user=request.user)
    form = AddressForm.of(address, request.user, data=request.POST or None)
    if form.is_valid():
        try:
            addresses.change(
                address,
                form.destination,
                label=form.cleaned_data["label"],
                is_default=form.cleaned_data["is_default"],
            )
        except addresses.SavedAlready as refusal:
            form.add_error(None, str(refusal))
        except Address.DoesNotExist as gone:
            raise Http404 from gone
        else:
            return address_saved(request)
    return address_page(request, form, address)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def address_delete(request: ShopperRequest, pk: int) -> HttpResponse:
    """Ask, then delete a saved address of the shopper's own."""
    address = get_object_or_404(Address, pk=pk, user=request.user)
    if request.method == "GET":
        return render(request, "account/address_delete.html", {"address": address})
    addresses.forget(address)
    messages.success(request, _("The address was deleted."))
    return see_addresses()


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def address_default(request: ShopperRequest, pk: int) -> HttpResponse:
    """Offer this address first from now on. Who had to sign in on the way is asked again."""
    address = get_object_or_404(Address, pk=pk, user=request.user)
    if request.method == "GET":
        return see_addresses()
    try:
        addresses.make_default(address)
    except Address.DoesNotExist as gone:
        raise Http404 from gone
    messages.success(request, _("The next checkout offers this address first."))
    return see_addresses()


@never_cache
@login_required
@require_GET
def points(request: ShopperRequest) -> HttpResponse:
    """How many points the shopper has, and how that came about."""
    page = Paginator(balances.history(request.user.pk), MOVEMENTS_PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "balance": balances.balance(request.user.pk, now=timezone.now()),
        "movements": [balances.Movement(**fields) for fields in page],
        "page": page,
    }
    return render(request, "account/points.html", context)


def address_page(
    request: ShopperRequest, form: AddressForm, address: Address | None = None
) -> HttpResponse:
    status = 422 if form.errors else 200
    context = {"form": form, "address": address}
    return render(request, "account/address_form.html", context, status=status)


def address_saved(request: ShopperRequest) -> HttpResponse:
    messages.success(request, _("The address was saved."))
    return see_addresses()


def see_addresses() -> HttpResponse:
    return HttpResponseRedirect(reverse("accounts:addresses"), status=303)
