"""What the database itself refuses of saved addresses, whatever the code does."""

import pytest
from django.db import IntegrityError, transaction

pytestmark = pytest.mark.django_db
HOME = {"recipient": "김하나", "phone": "+821012345678", "postcode": "04524", "line1": "길 1"}


@pytest.mark.parametrize(
    ("constraint", "second"),
    [
        ("one_default_address", {"line1": "길 2", "is_default": True}),
        ("an_address_is_saved_once", {"label": "집"}),
    ],
)
def test_a_second_of_what_there_is_one_of(shopper, constraint, second):
    """One default, and each address once, whatever it is called."""
    shopper.addresses.create(**HOME, is_default=True)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        shopper.addresses.create(**(HOME | second))
