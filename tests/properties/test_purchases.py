"""Random lives of purchases; ``make torture`` runs many more of them."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.machine import Purchases

#: How many random steps are made at least.
STEPS = int(os.environ.get("STEPS", "600"))
STEPS_OF_A_LIFE = 40


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0)
def test_no_life_loses_or_doubles_a_payment(kakaopay, capsys):
    """Whatever happens in whatever order: charged at most once, books equal, stock right."""
    Purchases.kakaopay = kakaopay
    few = settings(
        # in one go, as where CI is set each go lives the same lives
        max_examples=max(10, STEPS // STEPS_OF_A_LIFE),
        stateful_step_count=STEPS_OF_A_LIFE,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        database=None,
        print_blob=True,
    )
    while Purchases.steps < STEPS:
        run_state_machine_as_test(Purchases, settings=few)
    came_to = ", ".join(f"{times} {what}" for what, times in Purchases.came_to.items())
    with capsys.disabled():
        print(f"\n{Purchases.steps} random steps, nothing lost or doubled: {came_to}")  # noqa: T201
    assert Purchases.came_to["charges"]
    assert Purchases.came_to["refunds"]
    if STEPS >= 5_000:  # fewer lives need not come to it
        assert Purchases.came_to["by line"]
        assert Purchases.came_to["canceled by their buyer"]
