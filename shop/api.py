"""What is for sale and what is in the cart, for programs."""

from typing import Any

import django_filters
from django.db.models import BigIntegerField, ExpressionWrapper, F, QuerySet, Value
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import conditional_page
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Plan
from api.pages import Pages
from api.problems import Kind, Problem
from shop import carts
from shop.models import MAX_LINE_QUANTITY, CartLine, Category, Product

LONGEST_SEARCH = 80
FEW = 5
#: Where a product stands in the shop, as one number, by which pages can be cut.
PLACE = ExpressionWrapper(
    F("category__position") * Value(10**12, BigIntegerField()) + F("pk"), BigIntegerField()
)

UNKNOWN_PRODUCT = Kind(
    "unknown_product",
    404,
    _("This product is not sold here, or not any more."),
    _("Take a product from GET /api/v1/products/."),
)
UNKNOWN_LINE = Kind(
    "unknown_cart_item",
    404,
    _("This is no longer in the cart."),
    _("Get the cart again."),
)
NOT_ENOUGH = Kind(
    "not_enough_stock",
    409,
    _("There are not so many left."),
    _("Ask for no more than “left”."),
)
ONLY_ONE = Kind(
    "one_membership_at_a_time",
    409,
    _("A cart holds one membership."),
    _("It is in the cart already: go on to the checkout."),
)
TOO_MANY = Kind(
    "quantity_too_large",
    409,
    _("One line of a cart cannot hold so many."),
    _("Ask for fewer."),
)
KINDS = {
    carts.UnknownProduct: UNKNOWN_PRODUCT,
    carts.UnknownLine: UNKNOWN_LINE,
    carts.NotEnough: NOT_ENOUGH,
    carts.OnlyOne: ONLY_ONE,
    carts.NotAQuantity: TOO_MANY,
}

SLUG = r"^[-a-zA-Z0-9_]+\Z"


class ProductPlanSerializer(serializers.ModelSerializer[Plan]):
    """A membership: what it costs, and what it brings."""

    class Meta:
        model = Plan
        fields = [
            *("price", "months", "renews", "trial_days"),
            *("discount_percent", "has_free_delivery"),
        ]
        extra_kwargs = {
            "price": {"help_text": "In won, for each period."},
            "months": {"help_text": "How long a period is."},
            "renews": {"help_text": "Is it charged again by itself until it is canceled?"},
            "trial_days": {"help_text": "Free days for whoever never had a membership."},
        }


class ProductSerializer(serializers.ModelSerializer[Product]):
    price = serializers.IntegerField(min_value=0, help_text="In won, VAT included.")
    stock_status = serializers.SerializerMethodField()
    image = serializers.SerializerMethodField()
    category = serializers.SlugRelatedField[Category](slug_field="slug", read_only=True)
    plan = ProductPlanSerializer(allow_null=True, help_text="Of a membership; else null.")

    class Meta:
        model = Product
        fields = [
            *("slug", "name", "description", "category", "price", "stock_status", "image"),
            *("is_tax_free", "needs_delivery", "plan"),
        ]

    @extend_schema_field({"type": "string", "enum": ["in_stock", "few_left", "sold_out"]})
    def get_stock_status(self, product: Product) -> str:
        if product.stock == 0:
            return "sold_out"
        return "few_left" if product.stock <= FEW else "in_stock"

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_image(self, product: Product) -> str | None:
        if not product.picture:
            return None
        return str(self.context["request"].build_absolute_uri(product.picture.url))


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["slug", "name"]


class Shelves(django_filters.FilterSet):
    """``?category=…&q=…&in_stock=true``."""

    category = django_filters.ModelChoiceFilter(
        queryset=Category.objects.all(), to_field_name="slug", help_text="A category's slug."
    )
    q = django_filters.CharFilter(
        method="search",
        max_length=LONGEST_SEARCH,
        help_text="Words that all occur in name or description, in either language.",
    )
    in_stock = django_filters.ChoiceFilter(
        choices=[("true", "true"), ("false", "false")],
        method="only_in_stock",
        help_text="Only what can be ordered now.",
    )

    class Meta:
        model = Product
        fields: list[str] = []

    @extend_schema_field({"type": "string", "maxLength": LONGEST_SEARCH})
    def search(self, products: Any, name: str, words: str) -> Any:
        return products.search(words)

    def only_in_stock(self, products: Any, name: str, value: str) -> Any:
        return products.filter(stock__gt=0) if value == "true" else products


class ShelfPages(Pages):
    """As they stand in the shop."""

    page_size = 24
    ordering = ("place",)


@method_decorator(conditional_page, name="dispatch")
class Products(ListAPIView[Product]):
    """
    What is on sale, as it stands in the shop. The same for everybody; what a member pays is in
    their cart.
    """

    permission_classes = []
    authentication_classes = []
    serializer_class = ProductSerializer
    pagination_class = ShelfPages
    filterset_class = Shelves

    def get_queryset(self) -> QuerySet[Product]:
        products = Product.objects.on_sale().select_related("category", "plan")
        return products.annotate(place=PLACE)

    @extend_schema(operation_id="products", summary="Products on sale", tags=["Catalogue"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return asked_again(super().get(request, *args, **kwargs))


@method_decorator(conditional_page, name="dispatch")
class OneProduct(RetrieveAPIView[Product]):
    permission_classes = []
    authentication_classes = []
    serializer_class = ProductSerializer
    lookup_field = "slug"

    def get_queryset(self) -> QuerySet[Product]:
        return Product.objects.on_sale().select_related("category", "plan")

    @extend_schema(operation_id="product", summary="One product", tags=["Catalogue"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return asked_again(super().get(request, *args, **kwargs))


def asked_again(answer: Response) -> Response:
    """A cache may keep it, if it asks by its ``ETag`` before it gives it away."""
    answer["Cache-Control"] = "no-cache"
    return answer


class Categories(ListAPIView[Category]):
    permission_classes = []
    authentication_classes = []
    serializer_class = CategorySerializer
    pagination_class = None
    queryset = Category.objects.all()

    @extend_schema(operation_id="categories", summary="Categories", tags=["Catalogue"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class CartLineSerializer(serializers.Serializer[CartLine]):
    """A line of the cart at today's price for its shopper, in won."""

    id = serializers.IntegerField(source="pk")
    product = serializers.SlugField(source="product.slug")
    name = serializers.CharField()
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_LINE_QUANTITY)
    unit_price = serializers.IntegerField(min_value=0)
    list_price = serializers.IntegerField(
        min_value=0, help_text="What others pay, where a membership makes it cheaper."
    )
    amount = serializers.IntegerField(min_value=0)
    available = serializers.SerializerMethodField(
        help_text="How many of it can be ordered now; with fewer than `quantity`, it cannot."
    )

    @extend_schema_field({"type": "integer", "minimum": 0})
    def get_available(self, line: CartLine) -> int:
        return line.available if line.product.is_active else 0


class AddSerializer(serializers.Serializer[Any]):
    product = serializers.RegexField(SLUG, max_length=50, help_text="A product's slug.")
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_LINE_QUANTITY, default=1)


class QuantitySerializer(serializers.Serializer[Any]):
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_LINE_QUANTITY)


def refused(error: carts.CannotChangeCart) -> Problem:
    more = {"left": error.left} if isinstance(error, carts.NotEnough) else {}
    return Problem(KINDS[type(error)], str(error), **more)
