from django.urls import path

from shop import premium_views, views

app_name = "shop"

urlpatterns = [
    path("", views.home, name="home"),
    path("products/<slug:slug>/", views.product, name="product"),
    path("cart/", views.cart, name="cart"),
    path("cart/items/", views.add, name="add"),
    path("cart/items/<int:line_id>/", views.set_quantity, name="set_quantity"),
    path("cart/items/<int:line_id>/remove/", views.remove, name="remove"),
    path("premium/", premium_views.plans, name="premium"),
    path("premium/notes/", premium_views.notes, name="premium_notes"),
]
