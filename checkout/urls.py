from django.urls import path

from checkout import views

app_name = "checkout"

urlpatterns = [
    path("", views.review, name="review"),
    path("quote/", views.quote, name="quote"),
    path("ready/", views.ready, name="ready"),
    path("orders/<slug:number>/ready/", views.reopen, name="reopen"),
    path("return/<str:token>/approve/", views.approve, name="approve"),
    path("return/<str:token>/cancel/", views.cancel, name="cancel"),
    path("return/<str:token>/fail/", views.fail, name="fail"),
]
