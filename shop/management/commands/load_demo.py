from dataclasses import asdict
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts import points
from accounts.models import Address, Plan, PointEntry, User
from shop import plans
from shop.demo.catalogue import GOODS, SHELVES, Goods
from shop.demo.coupons import OFFERS, Offer
from shop.demo.plans import PLANS, SHELF, Offering
from shop.models import Category, Coupon, CouponGrant, Product

PASSWORD = "kakaopay-demo"  # noqa: S105 — printed in the README, for development only
PEOPLE: dict[str, dict[str, Any]] = {
    "shopper@example.com": {"name": "김손님", "phone": "+821012345678"},
    "staff@example.com": {"name": "박점원", "is_staff": True, "is_superuser": True},
    "support@example.com": {"name": "이상담", "is_staff": True},
    "finance@example.com": {"name": "정재무", "is_staff": True},
    "manager@example.com": {"name": "최관리", "is_staff": True},
}
SHOPPER, STAFF, *_OTHERS = PEOPLE
#: The groups of the same names were made by a migration.
GROUPS = {f"{name}@example.com": name for name in ("support", "finance", "manager")}
POINTS, POINTS_NOTE = 12_000, "가입 축하 포인트"
ADDRESSES: list[dict[str, Any]] = [
    {
        "label": "집",
        "is_default": True,
        "postcode": "04524",
        "line1": "서울 중구 세종대로 110",
        "line2": "3층",
        "memo": "문 앞에 놓아 주세요.",
    },
    {
        "label": "회사",
        "postcode": "13529",
        "line1": "경기 성남시 분당구 판교역로 166",
        "line2": "7층 안내 데스크",
    },
]
TO_TRY = f"""\
To try at checkout, as {SHOPPER}:
  WELCOME10   10%, at most 5,000 won, from 20,000 won; once per person
  TEA3000     3,000 won off the pantry, from 10,000 won
  FIRST5      5,000 won for the first five
  SUMMER25    ended in 2025: the shop says so
  a coupon of 5,000 won from 30,000 won, granted to the account
  {POINTS:,} points and {len(ADDRESSES)} saved addresses
  books and tangerines are tax-free; the coffee class is not delivered
  a premium membership, with 14 days free: /premium/"""

DESCRIBED = [
    "category",
    "name",
    "name_ko",
    "name_en",
    "description",
    "description_ko",
    "description_en",
    "price",
    "is_tax_free",
    "needs_delivery",
    "picture",
]


class Command(BaseCommand):
    help = "Fill the shop with demo goods and demo people. May be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--restock", action="store_true", help="Put the stock back to what it was at first."
        )

    def handle(self, *, restock: bool, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "load_demo makes accounts with a known password, so it only runs with DEBUG on."
            )
        with transaction.atomic(durable=True):
            created = load_catalogue(restock=restock)
            created += sum(load_plan(offering) for offering in PLANS)
            people = {email: load_person(email, details) for email, details in PEOPLE.items()}
            for offer in OFFERS:
                load_coupon(offer, people[SHOPPER])
            load_belongings(people[SHOPPER], by=people[STAFF])
        self.stdout.write(
            f"{len(GOODS) + len(PLANS)} products ({created} new) in {len(SHELVES)} categories"
            f"{', restocked' if restock else ''}"
        )
        self.stdout.write(f"Password {PASSWORD}: {', '.join(PEOPLE)}")
        self.stdout.write(TO_TRY)


def load_catalogue(*, restock: bool) -> int:
    """
    Bring texts, prices and pictures up to date. Returns how many products are new.

    What was sold stays sold unless ``restock``.
    """
    Category.objects.bulk_create(
        [
            Category(slug=s.slug, name_ko=s.name_ko, name_en=s.name_en, position=position)
            for position, s in enumerate(SHELVES)
        ],
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=["name", "name_ko", "name_en", "position"],
    )
    categories = Category.objects.in_bulk(field_name="slug")
    present = Product.objects.in_bulk(field_name="slug")
    Product.objects.bulk_create(
        [product_of(goods, categories[goods.shelf], present.get(goods.slug)) for goods in GOODS],
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=[*DESCRIBED, "stock"] if restock else DESCRIBED,
    )
    return sum(goods.slug not in present for goods in GOODS)


def product_of(goods: Goods, category: Category, present: Product | None) -> Product:
    """The product as the catalogue has it, with its picture in the media storage."""
    product = Product(
        slug=goods.slug,
        category=category,
        name_ko=goods.name_ko,
        name_en=goods.name_en,
        description_ko=goods.description_ko,
        description_en=goods.description_en,
        price=goods.price,
        is_tax_free=goods.is_tax_free,
        needs_delivery=goods.needs_delivery,
        stock=goods.stock,
        picture=present.picture.name if present else "",
    )
    save_picture(product, goods.picture)
    return product


def load_plan(offering: Offering) -> bool:
    """
    A membership with its product. Returns whether it is new; one that is there is left as it is:
    members would be told of every change.
    """
    if Plan.objects.filter(slug=offering.slug).exists():
        return False
    details = asdict(offering)
    about = {language: details.pop(f"description_{language}") for language in ("ko", "en")}
    plan = Plan(**details)
    product = plans.offer(plan, category=Category.objects.get(slug=SHELF))
    for language, text in about.items():
        setattr(product, f"description_{language}", text)
    save_picture(product, offering.picture)
    product.save()
    return True


def save_picture(product: Product, picture: Path) -> None:
    """Copy the picture into the media storage, unless the very same one is there."""
    drawing = picture.read_bytes()
    if product.picture.name and product.picture.storage.exists(product.picture.name):
        with product.picture.open() as stored:
            if stored.read() == drawing:
                return
        product.picture.delete(save=False)
    product.picture.save(picture.name, ContentFile(drawing), save=False)


def load_person(email: str, details: dict[str, Any]) -> User:
    """A demo person whose e-mail address needs no verification; an existing one is left alone."""
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, **details)
        user.groups.set(Group.objects.filter(name=GROUPS.get(email)))
    EmailAddress.objects.update_or_create(
        user=user, email=email, defaults={"verified": True, "primary": True}
    )
    return user


def load_coupon(offer: Offer, shopper: User) -> None:
    """Make the coupon, or leave it with its uses as it is; without a code the shopper gets it."""
    coupon, created = Coupon.objects.get_or_create(
        **offer.key,
        defaults={
            "name_ko": offer.name_ko,
            "name_en": offer.name_en,
            "kind": offer.kind,
            "value": offer.value,
            "cap": offer.cap,
            "minimum": offer.minimum,
            "limit": offer.limit,
            "valid_from": offer.valid_from,
            "valid_until": offer.valid_until,
            "is_for_all": not offer.shelf,
        },
    )
    if created:
        coupon.categories.set(Category.objects.filter(slug=offer.shelf))
    if offer.code is None:
        CouponGrant.objects.get_or_create(coupon=coupon, user=shopper)


def load_belongings(shopper: User, *, by: User) -> None:
    """The shopper's points, given once, and addresses, as long as there are none."""
    now = timezone.now()
    if not PointEntry.objects.filter(user=shopper, note=POINTS_NOTE).exists():
        points.grant(shopper, POINTS, note=POINTS_NOTE, by=by, now=now)
    if not Address.objects.filter(user=shopper).exists():
        Address.objects.bulk_create(
            Address(user=shopper, recipient=shopper.name, phone=shopper.phone, **address)
            for address in ADDRESSES
        )
