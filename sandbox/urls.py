"""Addresses: KakaoPay's API and pages, then what only a sandbox has."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, re_path

from . import books, controls, ledger, pages, statements, subscribers, views

API = "online/v1/payment"
PAGE = (
    r"^mockup/bridge/(?P<device>pc|mobile-web|mobile-app)"
    r"/pg/(?:one-time|subscription)/payment/(?P<page>[0-9a-f]{64})"
)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "sandbox/not_found.html", status=404)


handler404 = not_found
handler500 = views.broken

urlpatterns = [
    path(f"{API}/ready", views.api, {"name": "ready"}),
    path(f"{API}/approve", views.api, {"name": "approve"}),
    path(f"{API}/order", views.api, {"name": "order"}),
    path(f"{API}/cancel", views.api, {"name": "cancel"}),
    path(f"{API}/subscription", views.api, {"name": "subscription"}),
    path(f"{API}/manage/subscription/inactive", views.api, {"name": "inactive"}),
    path(f"{API}/manage/subscription/status", views.api, {"name": "status"}),
    re_path(r"^online/", views.unknown),
    re_path(PAGE + "$", pages.bridge, name="bridge"),
    re_path(PAGE + "/state$", pages.state),
    re_path(PAGE + "/method$", pages.choose),
    re_path(PAGE + "/password$", pages.password),
    re_path(PAGE + "/leave/(?P<reason>quit|method|password)$", pages.leave),
    path("", ledger.index, name="ledger"),
    path("ledger.json", ledger.as_json),
    path("ledger.jsonl", books.as_lines),
    path("statement.csv", statements.as_csv, name="statement_csv"),
    path("statement.xlsx", statements.as_excel, name="statement_xlsx"),
    path("ledger/<str:tid>/", ledger.detail, name="detail"),
    path("ledger/<str:tid>/refund/", ledger.refund, name="refund"),
    path("subscriptions/", subscribers.index, name="subscriptions"),
    path("subscriptions.json", subscribers.as_json),
    path("subscriptions.jsonl", subscribers.as_lines),
    path("subscriptions/<str:sid>/", subscribers.detail, name="subscription"),
    path("subscriptions/<str:sid>/end/", subscribers.end, name="end_subscription"),
    path("subscriptions/<str:sid>/decline/", subscribers.decline, name="decline_subscription"),
    path("sandbox/faults/", controls.faults_view, name="faults"),
    path("sandbox/faults/<int:number>/", controls.fault_view, name="fault"),
    path("sandbox/payments/", books.plant),
    path("sandbox/payments/<str:tid>/", books.change),
    path("sandbox/subscriptions/", books.plant_subscriptions),
    path("sandbox/elsewhere/<int:call>/", views.elsewhere),
    path("sandbox/clock/", controls.clock_view, name="clock"),
]
