"""What is for sale, and the cart that it is put into."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import FileExtensionValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.memberships import NO_TERMS, Terms
from accounts.models import Plan
from accounts.tracking import WHOLE_LIFE, events_of

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
    needs_delivery = models.BooleanField(_("is delivered"), default=True)
    stock = models.PositiveIntegerField(_("stock"), default=0)
    is_active = models.BooleanField(_("on sale"), default=True)
    plan = models.OneToOneField(
        Plan,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="product",
        verbose_name=_("plan"),
        help_text="The membership that whoever buys it gets; name and price are the plan's.",
    )
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

    def price_for(self, terms: Terms) -> int:
        """What it costs somebody with these terms, in won; ``plan`` should be read with it."""
        if self.plan is None:
            return self.price - self.price * terms.percent // 100
        return 0 if terms.may_try and self.plan.trial_days else self.price


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
    """
    So many of a product. ``terms`` are those on which the cart's shopper buys; ``agreed_price`` is
    what a member agreed to pay for their next period, whatever the plan costs today.
    """

    terms = NO_TERMS
    agreed_price: int | None = None

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
        """Today's price for this shopper, in won."""
        if self.agreed_price is not None:
            return self.agreed_price
        return self.product.price_for(self.terms)

    @property
    def list_price(self) -> int:
        """Today's price for everybody, in won."""
        return self.product.price if self.agreed_price is None else self.agreed_price

    @property
    def is_tax_free(self) -> bool:
        return self.product.is_tax_free

    @property
    def needs_delivery(self) -> bool:
        return self.product.needs_delivery

    @property
    def amount(self) -> int:
        """Unit price times quantity, in won."""
        return self.unit_price * self.quantity

    @property
    def available(self) -> int:
        """How many this cart may order: the stock and what its pending order already holds."""
        return self.product.stock + self.held


class ProductEvent(
    events_of(  # type: ignore[misc]
        Product,
        index="staff_changed_products",
        fields=["name", "price", "is_tax_free", "needs_delivery", "stock", "is_active"],
        when=WHOLE_LIFE,
    )
):
    """Each price and stock that a product has had; written by the database, never altered."""
