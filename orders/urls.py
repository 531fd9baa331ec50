from django.urls import path

from orders import views

app_name = "orders"

urlpatterns = [
    path("", views.history, name="history"),
    path("coupons/", views.own_coupons, name="coupons"),
    path("<slug:number>/", views.order, name="order"),
]
