"""Plans on the shelf: each is sold as a product, which always says what its plan does."""

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from accounts.models import Plan
from shop.models import Category, Product

#: A membership is not counted; staff may set fewer, for a plan that only so many can have.
PLENTY = 1_000_000_000
NO_TEXTS: Mapping[str, str] = {}


def offer(plan: Plan, *, category: Category, descriptions: Mapping[str, str] = NO_TEXTS) -> Product:
    """
    Save the plan, and its product with it: name, price and whether it is on sale are the plan's.

    :param category: where a new product stands; one that is there stays where it is.
    :param descriptions: of a new product, by language.
    """
    with transaction.atomic():
        plan.save()
        product = Product.objects.filter(plan=plan).first()
        if product is None:
            product = Product(plan=plan, slug=plan.slug, category=category, stock=PLENTY)
            product.needs_delivery = False
            for language, text in descriptions.items():
                setattr(product, f"description_{language}", text)
        for language, _name in settings.LANGUAGES:
            setattr(product, f"name_{language}", getattr(plan, f"name_{language}"))
        product.price, product.is_active = plan.price, plan.is_active
        product.save()
    return product
