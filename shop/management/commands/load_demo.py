from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import User
from shop.demo.catalogue import GOODS, SHELVES, Goods
from shop.models import Category, Product

PASSWORD = "kakaopay-demo"  # noqa: S105 — printed in the README, for development only
PEOPLE: dict[str, dict[str, Any]] = {
    "shopper@example.com": {"name": "김손님", "phone": "+821012345678"},
    "staff@example.com": {"name": "박점원", "is_staff": True, "is_superuser": True},
}

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
    "picture",
]


class Command(BaseCommand):
    help = "Fill the shop with demo goods and two demo people. May be run again."

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
            for email, details in PEOPLE.items():
                load_person(email, details)
        self.stdout.write(
            f"{len(GOODS)} products ({created} new) in {len(SHELVES)} categories"
            f"{', restocked' if restock else ''}; people: {', '.join(PEOPLE)}"
        )


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
        stock=goods.stock,
        picture=present.picture.name if present else "",
    )
    save_picture(product, goods)
    return product


def save_picture(product: Product, goods: Goods) -> None:
    """Copy the picture into the media storage, unless the very same one is there."""
    drawing = goods.picture.read_bytes()
    if product.picture.name and product.picture.storage.exists(product.picture.name):
        with product.picture.open() as stored:
            if stored.read() == drawing:
                return
        product.picture.delete(save=False)
    product.picture.save(goods.picture.name, ContentFile(drawing), save=False)


def load_person(email: str, details: dict[str, Any]) -> None:
    """A demo person whose e-mail address needs no verification; an existing one is left alone."""
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, **details)
    EmailAddress.objects.update_or_create(
        user=user, email=email, defaults={"verified": True, "primary": True}
    )
