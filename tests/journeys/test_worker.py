"""The worker ends what nobody came back for, as a real process on the real queue."""

from procrastinate.contrib.django import app

from tests.live import LiveShop, Visitor


def test_the_periodic_jobs_are_registered():
    """What each of them looks after, and how often."""
    crons = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert crons == {
        "checkout.tasks.close_abandoned_orders": "* * * * *",
        "checkout.tasks.reconcile_payments": "* * * * * */20",
        "checkout.tasks.audit_payments": "10 19 * * *",
        "checkout.tasks.charge_memberships": "* * * * *",
        "checkout.tasks.end_memberships": "*/5 * * * *",
        "checkout.tasks.end_agreements": "*/5 * * * *",
        "checkout.tasks.check_agreements": "*/5 * * * *",
        "checkout.tasks.announce_to_members": "*/5 0-11 * * *",
        "checkout.tasks.expire_points": "5 15 * * *",
        "checkout.tasks.forget_requests": "20 * * * *",
        "checkout.tasks.send_unsent_mails": "* * * * *",
        "checkout.tasks.forget_killed_jobs": "*/10 * * * *",
    }


def test_a_lost_answer_and_an_abandoned_order_are_ended(shop: LiveShop, visitor: Visitor):
    """One order was paid without our hearing it, one was forgotten: one worker ends both."""
    stock = shop.stock_of("cutting-board")
    visitor.sign_in()
    visitor.post("/products/cutting-board/", "/cart/items/", product="cutting-board", quantity="1")
    sent_off = visitor.check_out().headers["Location"]
    shop.kakaopay.fault("approve", after="drop")
    confirming = visitor.get(shop.kakaopay.pay(sent_off))
    assert 'http-equiv="refresh"' in confirming.text

    forgetful = Visitor(shop)
    forgetful.sign_in("staff@example.com")
    forgetful.post(
        "/products/cutting-board/", "/cart/items/", product="cutting-board", quantity="2"
    )
    assert forgetful.check_out().status_code == 303
    assert shop.stock_of("cutting-board") == stock - 3
    an_hour_ago = (
        "from datetime import timedelta; from django.utils import timezone;"
        "from orders.models import Order, PaymentTransaction;"
        "ago = timezone.now() - timedelta(hours=1);"
        "Order.objects.filter(status='PENDING').update(deadline_at=ago);"
        "PaymentTransaction.objects.filter(status='PROCESSING').update(sent_at=ago);"
        "from checkout import tasks;"
        "tasks.reconcile_payments.defer(timestamp=0);"
        "tasks.close_abandoned_orders.defer(timestamp=0); print('ok')"
    )
    assert shop.python(an_hour_ago) == "ok"
    shop.manage("procrastinate", "worker", "--one-shot")

    assert "<code>T" in visitor.get(confirming.url).text
    assert shop.stock_of("cutting-board") == stock - 1


def test_the_job_of_a_killed_worker_is_forgotten(shop: LiveShop):
    """It would count as being done for ever; what it was to do stands in rows of our own."""
    killed = (
        "from checkout import tasks; from django.db import connection;"
        "tasks.reconcile_payments.defer(timestamp=0);"
        "connection.cursor().execute(\"UPDATE procrastinate_jobs SET status = 'doing',"
        ' worker_id = NULL");'
        "tasks.forget_killed_jobs.defer(timestamp=0); print(1)"
    )
    assert shop.python(killed) == "1"
    shop.manage("procrastinate", "worker", "--one-shot", "--queues", "orders")
    doing = (
        "from procrastinate.contrib.django.models import ProcrastinateJob;"
        "print(ProcrastinateJob.objects.filter(status='doing').count())"
    )
    assert shop.python(doing) == "0"
