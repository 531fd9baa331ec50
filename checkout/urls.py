from django.urls import path

from checkout import membership_views, order_views, views

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
    path("membership/", membership_views.membership, name="membership"),
    path("membership/stop/", membership_views.stop, name="membership_stop"),
    path("membership/stop-at-once/", membership_views.stop_at_once, name="membership_stop_at_once"),
    path("membership/resume/", membership_views.resume, name="membership_resume"),
    path("membership/plan/", membership_views.change_plan, name="membership_plan"),
    path("membership/method/", membership_views.register, name="membership_method"),
    path("return/<str:token>/approve/", views.approve, name="approve"),
    path("return/<str:token>/cancel/", views.cancel, name="cancel"),
    path("return/<str:token>/fail/", views.fail, name="fail"),
]
