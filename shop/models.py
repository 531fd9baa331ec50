from typing import ClassVar

from django.conf import settings
from django.core.validators import FileExtensionValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

MAX_LINE_QUANTITY = 99


class Category(models.Model):
    name = models.CharField(_("name"), max_length=60)
    slug = models.SlugField(_("address"), unique=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    objects: ClassVar[models.Manager["Category"]] = models.Manager()

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name


class ProductQuerySet(models.QuerySet["Product"]):
    def on_sale(self) -> "ProductQuerySet":
        return self.filter(is_active=True)

    def search(self, words: str) -> "ProductQuerySet":
        """Products in whose name or description, in either language, every word occurs."""
        found = self
        for word in words.split():
            found = found.filter(
                Q(name_ko__icontains=word)
                | Q(name_en__icontains=word)
                | Q(description_ko__icontains=word)
                | Q(description_en__icontains=word)
            )
        return found


ProductManager = models.Manager.from_queryset(ProductQuerySet)


class Product(models.Model):
    """Something for sale. ``stock`` can still be ordered: placed orders have taken theirs."""

    category = models.ForeignKey(
        Category, models.PROTECT, verbose_name=_("category"), related_name="+"
    )
    slug = models.SlugField(_("address"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    description = models.TextField(_("description"), blank=True)
    price = models.PositiveIntegerField(_("price"), help_text=_("In won, VAT included."))
    is_tax_free = models.BooleanField(_("tax-free"), default=False)
    stock = models.PositiveIntegerField(_("stock"), default=0)
    is_active = models.BooleanField(_("on sale"), default=True)
    picture = models.FileField(
        _("picture"),
        upload_to="products/",
        blank=True,
        validators=[FileExtensionValidator(["svg", "png", "jpg", "jpeg", "webp"])],
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar["ProductManager[Product]"] = ProductManager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["category__position", "pk"]
        constraints = [
            models.CheckConstraint(name="product_price_positive", condition=Q(price__gt=0)),
            models.CheckConstraint(name="product_stock_not_negative", condition=Q(stock__gte=0)),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop:product", args=[self.slug])


class Cart(models.Model):
    """A shopper's basket; a visitor's has no ``user`` and is found through the session."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="cart"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("cart")
        verbose_name_plural = _("carts")

    def __str__(self) -> str:
        return f"Cart {self.pk}"


class CartLine(models.Model):
    cart = models.ForeignKey(Cart, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    quantity = models.PositiveSmallIntegerField(_("quantity"))
    held = models.PositiveSmallIntegerField(
        default=0,
        editable=False,
        help_text="Pieces that the cart's pending order has already taken from stock.",
    )

    class Meta:
        verbose_name = _("cart line")
        verbose_name_plural = _("cart lines")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="one_line_per_product", fields=["cart", "product"]),
            models.CheckConstraint(
                name="cart_quantity_in_range",
                condition=Q(quantity__gte=1, quantity__lte=MAX_LINE_QUANTITY),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product}"

    @property
    def name(self) -> str:
        return self.product.name

    @property
    def unit_price(self) -> int:
        """Today's price, in won."""
        return self.product.price

    @property
    def is_tax_free(self) -> bool:
        return self.product.is_tax_free

    @property
    def amount(self) -> int:
        """Unit price times quantity, in won."""
        return self.unit_price * self.quantity

    @property
    def available(self) -> int:
        """How many this cart may order: the stock and what its pending order already holds."""
        return self.product.stock + self.held
