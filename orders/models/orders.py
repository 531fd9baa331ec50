import secrets
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Collate, Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from accounts.models import MembershipPeriod, Plan
from accounts.tracking import events_of
from shop.models import Cart, Coupon, Product

NUMBER_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is misread over the phone


def new_order_number() -> str:
    """A number a shopper can read out, such as ``20261121-7KQ4MX9T``; it cannot be guessed."""
    day = timezone.localtime().strftime("%Y%m%d")
    return f"{day}-{''.join(secrets.choice(NUMBER_ALPHABET) for _ in range(8))}"


class Order(models.Model):
    """Somebody's agreement to buy: a snapshot that later changes of the catalogue do not touch."""

    class Status(models.TextChoices):
        PENDING = "PENDING", _("waiting for payment")
        PAID = "PAID", _("paid")
        PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED", _("partly refunded")
        REFUNDED = "REFUNDED", _("refunded")
        CANCELED = "CANCELED", _("canceled")

    class CancelReason(models.TextChoices):
        QUIT = "QUIT", _("the buyer stopped paying")
        FAILED = "FAILED", _("the payment failed")
        DECLINED = "DECLINED", _("the payment was declined")
        EXPIRED = "EXPIRED", _("not paid in time")
        SUPERSEDED = "SUPERSEDED", _("replaced by another order")
        STOPPED = "STOPPED", _("the membership was stopped")

    class Kind(models.TextChoices):
        SALE = "SALE", _("bought by the shopper")
        RENEWAL = "RENEWAL", _("renewal of a membership")
        METHOD = "METHOD", _("registration of a payment method")

    number = models.CharField(
        _("order number"), max_length=20, unique=True, editable=False, default=new_order_number
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="orders",
        verbose_name=_("account"),
    )
    cart = models.ForeignKey(Cart, models.SET_NULL, null=True, blank=True, related_name="orders")
    kind = models.CharField(_("kind"), max_length=7, choices=Kind, default=Kind.SALE)
    plan = models.ForeignKey(
        Plan,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("plan"),
        help_text=_("The membership that it is, or has among its goods."),
    )
    period = models.ForeignKey(
        MembershipPeriod,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("membership period"),
        help_text=_("That it pays, or was to pay."),
    )
    is_recurring = models.BooleanField(
        _("recurring"),
        default=False,
        help_text=_("Its payment makes an agreement to be charged again, or is charged by one."),
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    cancel_reason = models.CharField(
        _("canceled because"), max_length=12, choices=CancelReason, blank=True
    )

    title = models.CharField(
        _("goods"), max_length=120, help_text=_("The order in one line, in its buyer's language.")
    )
    pieces = models.PositiveIntegerField(_("pieces"), default=1)
    name = models.CharField(_("name"), max_length=50)
    phone = PhoneNumberField(_("phone"))
    email = models.EmailField(_("e-mail address"))
    language = models.CharField(
        _("language"),
        max_length=5,
        choices=settings.LANGUAGES,
        default=settings.LANGUAGE_CODE,
        help_text=_("In which mail about the order is written."),
    )

    subtotal = models.PositiveIntegerField(_("goods"), help_text=_("In won."))
    discount = models.PositiveIntegerField(_("coupon discount"), default=0)
    coupon_name = models.CharField(_("coupon"), max_length=60, blank=True)
    points = models.PositiveIntegerField(
        _("points"), default=0, help_text=_("Paid with points, each worth one won.")
    )
    shipping = models.PositiveIntegerField(_("delivery fee"), default=0)
    total = models.PositiveIntegerField(_("total"), help_text=_("In won, VAT included."))
    tax_free = models.PositiveIntegerField(_("tax-free part of the total"))
    vat = models.PositiveIntegerField(_("VAT in the total"))
    shipping_points = models.PositiveIntegerField(_("points for delivery"), default=0)
    shipping_vat = models.PositiveIntegerField(_("VAT in the delivery fee"), default=0)
    earns = models.PositiveIntegerField(
        _("earns"), default=0, help_text=_("Points that its payment earns.")
    )
    points_refunded = models.PositiveIntegerField(
        _("points given back"), default=0, help_text=_("Of those that it was paid with.")
    )
    is_to_ship = models.BooleanField(
        default=True,
        editable=False,
        help_text="Goods of it are still to be sent, once it is paid: kept here for an index.",
    )
    is_shipping_refunded = models.BooleanField(_("delivery fee given back"), default=False)

    consented_at = models.DateTimeField(_("consented at"))
    placed_at = models.DateTimeField(_("placed at"), db_index=True)
    deadline_at = models.DateTimeField(_("to be paid by"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    canceled_at = models.DateTimeField(_("canceled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-placed_at", "-pk"]
        permissions = [
            ("handle_order", _("Can handle orders: notes, mails, asking the provider")),
            ("refund_order", _("Can refund orders up to the limit")),
            ("refund_order_above_limit", _("Can refund orders above the limit")),
            ("export_order", _("Can export orders and other personal data")),
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_pending_order_per_cart", fields=["cart"], condition=Q(status="PENDING")
            ),
            models.UniqueConstraint(
                name="one_live_order_per_period",
                fields=["period"],
                condition=~Q(status="CANCELED"),
            ),
            models.CheckConstraint(
                name="recurring_order_has_a_plan",
                condition=Q(is_recurring=False) | Q(plan__isnull=False),
            ),
            models.CheckConstraint(
                name="renewal_is_recurring", condition=Q(kind="SALE") | Q(is_recurring=True)
            ),
            models.CheckConstraint(
                name="order_total_adds_up",
                condition=Q(
                    total=F("subtotal") - F("discount") - F("points") + F("shipping"),
                    shipping__gte=F("shipping_points"),
                ),
            ),
            models.CheckConstraint(
                name="order_discount_by_a_coupon", condition=Q(discount=0) | ~Q(coupon_name="")
            ),
            models.CheckConstraint(
                name="points_refunded_within_points",
                condition=Q(points_refunded__lte=F("points")),
            ),
            models.CheckConstraint(
                name="order_tax_within_total", condition=Q(total__gte=F("tax_free") + F("vat"))
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-placed_at"], name="order_history"),
            models.Index(
                fields=["deadline_at"], name="order_deadlines", condition=Q(status="PENDING")
            ),
            models.Index(
                fields=["paid_at"],
                name="order_sales",
                include=["total", "status"],
                condition=Q(paid_at__isnull=False),
            ),
            models.Index(
                fields=["paid_at"],
                name="orders_to_ship",
                condition=Q(status__in=["PAID", "PARTIALLY_REFUNDED"], is_to_ship=True),
            ),
            models.Index(fields=["status", "-placed_at", "-id"], name="orders_by_status"),
            models.Index(fields=["name"], name="order_name", opclasses=["varchar_pattern_ops"]),
            models.Index(Collate(Lower("email"), "C"), name="order_email"),
            models.Index(fields=["phone"], name="order_phone"),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("orders:order", args=[self.number])

    def is_past_deadline(self, now: datetime) -> bool:
        return self.status == self.Status.PENDING and self.deadline_at <= now


class OrderLine(models.Model):
    """One product as it was when it was ordered."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(
        Product, models.PROTECT, related_name="+", verbose_name=_("product")
    )
    name = models.CharField(_("name"), max_length=80)
    unit_price = models.PositiveIntegerField(_("unit price"), help_text=_("In won."))
    list_price = models.PositiveIntegerField(
        _("list price"),
        null=True,
        blank=True,
        help_text=_("In won, where a membership made it cheaper."),
    )
    quantity = models.PositiveSmallIntegerField(_("quantity"))
    refunded = models.PositiveSmallIntegerField(
        _("refunded pieces"), default=0, help_text=_("Pieces whose share has gone back.")
    )
    is_tax_free = models.BooleanField(_("tax-free"))
    needs_delivery = models.BooleanField(_("is delivered"), default=True)
    discount = models.PositiveIntegerField(
        _("coupon discount"), default=0, help_text=_("The line's share of it, in won.")
    )
    points = models.PositiveIntegerField(
        _("points"), default=0, help_text=_("The line's share of them.")
    )
    vat = models.PositiveIntegerField(
        _("VAT"), default=0, help_text=_("The line's share of the order's, in won.")
    )

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(name="one_order_line_per_product", fields=["order", "product"]),
            models.CheckConstraint(name="order_quantity_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(
                name="refunded_within_quantity", condition=Q(refunded__lte=F("quantity"))
            ),
            models.CheckConstraint(
                name="order_line_not_below_zero",
                condition=Q(discount__lte=F("unit_price") * F("quantity") - F("points") - F("vat")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def amount(self) -> int:
        """Unit price times quantity, in won."""
        return self.unit_price * self.quantity

    @property
    def total(self) -> int:
        """What is paid for it in money, in won."""
        return self.amount - self.discount - self.points

    @property
    def kept(self) -> int:
        """Pieces that were not refunded."""
        return self.quantity - self.refunded


class CouponRedemption(models.Model):
    """
    An order's use of a coupon: held while it waits for payment, used once it is paid, given back
    when it is canceled or wholly refunded.
    """

    order = models.OneToOneField(
        Order, models.CASCADE, related_name="redemption", verbose_name=_("order")
    )
    coupon = models.ForeignKey(
        Coupon, models.PROTECT, related_name="redemptions", verbose_name=_("coupon")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("account")
    )
    nth = models.PositiveSmallIntegerField(
        help_text="Which of this person's uses: so that a limit per person is a constraint."
    )
    created_at = models.DateTimeField(_("redeemed at"), default=timezone.now)
    given_back_at = models.DateTimeField(_("given back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("coupon redemption")
        verbose_name_plural = _("coupon redemptions")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_redemption_per_use",
                fields=["coupon", "user", "nth"],
                condition=Q(given_back_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.coupon} – {self.order}"


class OrderEvent(
    events_of(  # type: ignore[misc]
        Order, index="staff_moved_orders", fields=["status", "cancel_reason"]
    )
):
    """Each status that an order has had; written by the database, never altered."""
