from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.core.validators import FileExtensionValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
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


class Coupon(models.Model):
    """
    A reduction that shoppers redeem, by its code or because it was granted to them.

    For everything, or for any of its ``products`` and ``categories``: where these are deleted it is
    for nothing, never for everything.
    """

    class Kind(models.TextChoices):
        FIXED = "FIXED", _("fixed amount")
        PERCENT = "PERCENT", _("percent")

    name = models.CharField(_("name"), max_length=60)
    code = models.CharField(
        _("code"),
        max_length=20,
        unique=True,
        null=True,
        blank=True,
        validators=[
            RegexValidator(r"^[A-Z0-9-]{3,20}\Z", _("Use capital letters, digits and hyphens."))
        ],
        help_text=_("Whoever knows it may redeem it. Without a code it must be granted."),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.FIXED)
    value = models.PositiveIntegerField(
        _("value"), help_text=_("Won, or percent from 1 to 100, of the goods it is for.")
    )
    cap = models.PositiveIntegerField(
        _("at most"), null=True, blank=True, help_text=_("In won; only for percent.")
    )
    minimum = models.PositiveIntegerField(
        _("minimum spend"), default=0, help_text=_("In won, on the goods it is for.")
    )
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)
    valid_until = models.DateTimeField(
        _("valid until"),
        null=True,
        blank=True,
        help_text=_("From this moment on it cannot be used; empty: without end."),
    )
    is_for_all = models.BooleanField(_("for everything"), default=True)
    products = models.ManyToManyField(
        Product, blank=True, related_name="+", verbose_name=_("products")
    )
    categories = models.ManyToManyField(
        Category, blank=True, related_name="+", verbose_name=_("categories")
    )
    limit = models.PositiveIntegerField(
        _("uses in all"),
        null=True,
        blank=True,
        help_text=_("By all shoppers together. Empty: no limit."),
    )
    per_person = models.PositiveSmallIntegerField(
        _("uses per person"), null=True, blank=True, default=1, help_text=_("Empty: no limit.")
    )
    redeemed = models.PositiveIntegerField(
        _("redeemed"),
        default=0,
        editable=False,
        help_text=_("By orders that are paid or wait for payment."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Coupon"]] = models.Manager()

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="coupon_value_fits_its_kind",
                condition=Q(kind="FIXED", value__gt=0, cap=None)
                | Q(kind="PERCENT", value__gt=0, value__lte=100),
                violation_error_message=_(
                    "A fixed amount is at least 1 won and has no “at most”; a percentage is from "
                    "1 to 100."
                ),
            ),
            models.CheckConstraint(
                name="coupon_within_its_limit",
                condition=Q(limit=None) | Q(redeemed__lte=F("limit")),
                violation_error_message=_("It has been redeemed more often than that already."),
            ),
            models.CheckConstraint(
                name="coupon_begins_before_it_ends",
                condition=Q(valid_until=None) | Q(valid_until__gt=F("valid_from")),
                violation_error_message=_("It must end after it begins."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def last_moment(self) -> datetime | None:
        """When it can still be used: what ends at midnight is good until the day before."""
        return self.valid_until and self.valid_until - timedelta(microseconds=1)


class CouponGrant(models.Model):
    """A coupon that a person was given, and sees at checkout."""

    coupon = models.ForeignKey(
        Coupon, models.CASCADE, related_name="grants", verbose_name=_("coupon")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="coupon_grants",
        verbose_name=_("person"),
    )
    granted_at = models.DateTimeField(_("granted at"), default=timezone.now)

    class Meta:
        verbose_name = _("granted coupon")
        verbose_name_plural = _("granted coupons")
        ordering = ["-granted_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                name="a_coupon_is_granted_once",
                fields=["coupon", "user"],
                violation_error_message=_("This person has this coupon already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.coupon} – {self.user}"


class ProductEvent(
    events_of(  # type: ignore[misc]
        Product,
        index="staff_changed_products",
        fields=["name", "price", "is_tax_free", "needs_delivery", "stock", "is_active"],
        when=WHOLE_LIFE,
    )
):
    """Each price and stock that a product has had; written by the database, never altered."""


class CouponEvent(
    events_of(  # type: ignore[misc]
        Coupon,
        index="staff_changed_coupons",
        fields=[
            *("name", "code", "kind", "value", "cap", "minimum", "valid_from", "valid_until"),
            *("is_for_all", "limit", "per_person", "is_active"),
        ],
        when=WHOLE_LIFE,
    )
):
    """Each set of terms that a coupon has had; written by the database, never altered."""
