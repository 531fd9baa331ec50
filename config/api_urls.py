"""Every address of the API, on one screen."""

from django.urls import include, path, re_path, register_converter
from django.urls.converters import IntConverter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from accounts.api import addresses, me, points
from api import views
from checkout.api import after, leaving, membership, ordering, payments, quoting
from orders.api import carts, coupons, orders
from shop import api as shop

app_name = "api"


class IdConverter(IntConverter):
    """What PostgreSQL takes for an id."""

    regex = "[0-9]{1,18}"


register_converter(IdConverter, "id")

v1 = [
    path("csrf/", views.Csrf.as_view()),
    path("products/", shop.Products.as_view()),
    path("products/<slug:slug>/", shop.OneProduct.as_view()),
    path("categories/", shop.Categories.as_view()),
    path("cart/", carts.Cart.as_view()),
    path("cart/items/", carts.Items.as_view()),
    path("cart/items/<id:pk>/", carts.Item.as_view()),
    path("checkout/quote/", quoting.Quote.as_view()),
    path("checkout/ready/", ordering.Ready.as_view()),
    path("payments/", payments.Payments.as_view()),
    path("payments/<uuid:payment_id>/", payments.OnePayment.as_view()),
    path("payments/<uuid:payment_id>/approve/", payments.Approve.as_view()),
    path("payments/<uuid:payment_id>/cancel/", payments.Cancel.as_view()),
    path("payments/<uuid:payment_id>/fail/", payments.Fail.as_view()),
    path("orders/", orders.Orders.as_view()),
    path("orders/<slug:number>/", orders.OneOrder.as_view()),
    path("orders/<slug:number>/pay/", ordering.Pay.as_view()),
    path("orders/<slug:number>/cancel/", after.CancelOrder.as_view()),
    path("orders/<slug:number>/refund-requests/", after.RefundRequests.as_view()),
    path("orders/<slug:number>/refund-requests/<id:pk>/withdraw/", after.Withdraw.as_view()),
    path("membership/", membership.Membership.as_view()),
    path("membership/plans/", membership.Plans.as_view()),
    path("membership/stop/", leaving.Stop.as_view()),
    path("membership/stop-at-once/", leaving.StopAtOnce.as_view()),
    path("membership/resume/", membership.Resume.as_view()),
    path("membership/plan/", membership.ChangePlan.as_view()),
    path("membership/method/", membership.Method.as_view()),
    path("me/", me.Me.as_view()),
    path("me/addresses/", addresses.Addresses.as_view()),
    path("me/addresses/<id:pk>/", addresses.OneAddress.as_view()),
    path("points/", points.Points.as_view()),
    path("points/history/", points.PointHistory.as_view()),
    path("coupons/", coupons.Coupons.as_view()),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    path("problems/", views.kinds, name="problems"),
    re_path(r"^(?P<rest>[\s\S]*)\Z", views.unknown),
]
