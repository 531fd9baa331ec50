from django.urls import path

from checkout import order_views, views

app_name = "checkout"

urlpatterns = [
    path("", views.review, name="review"),
    path("quote/", views.quote, name="quote"),
    path("ready/", views.ready, name="ready"),
    path("orders/<slug:number>/ready/", views.reopen, name="reopen"),
    path("orders/<slug:number>/cancel/", order_views.cancel_order, name="cancel_order"),
    path("orders/<slug:number>/refund/", order_views.ask_for_refund, name="ask_for_refund"),
    path(
        "orders/<slug:number>/requests/<int:pk>/withdraw/",
        order_views.withdraw_request,
        name="withdraw_request",
    ),
    path("return/<str:token>/approve/", views.approve, name="approve"),
    path("return/<str:token>/cancel/", views.cancel, name="cancel"),
    path("return/<str:token>/fail/", views.fail, name="fail"),
]
