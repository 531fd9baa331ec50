"""What the API's description says of its operations together: examples, and which follows which."""

import json
from pathlib import Path
from typing import Any

#: By operation: the answers of a real purchase, by status, and the bodies that got them.
EXAMPLES = Path(__file__).with_name("api_examples.json")


def parameters(**values: str) -> dict[str, Any]:
    """Of a link; each is a place in the answer, or a parameter of the request before."""
    return {
        "parameters": {
            name: place if place.startswith("$") else f"$response.body#/{place}"
            for name, place in values.items()
        }
    }


def body(**values: str) -> dict[str, Any]:
    """Of a link: the members of the next request's body that the answer gives."""
    return {"requestBody": {name: f"$response.body#/{place}" for name, place in values.items()}}


ABOUT_A_PAYMENT = "payment payment_approve payment_cancel payment_fail"
ABOUT_AN_ORDER = "order order_pay order_cancel refund_requests"
ABOUT_AN_ADDRESS = "address address_change address_delete"
ABOUT_A_LINE = "cart_set_quantity cart_remove"
A_PIECE = {"requestBody": {"pieces": [{"line": "$response.body#/lines/0/id", "quantity": 1}]}}
#: After which operation's answer, of which status, come which others, and what they take from it.
LINKS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("products", "200", "product", parameters(slug="results/0/slug")),
    ("products", "200", "cart_add", body(product="results/0/slug")),
    ("product", "200", "cart_add", body(product="slug")),
    ("plans", "200", "cart_add", body(product="0/product")),
    ("plans", "200", "membership_plan", body(plan="0/slug")),
    ("cart", "200", ABOUT_A_LINE, parameters(id="items/0/id")),
    ("cart_add", "201", ABOUT_A_LINE, parameters(id="items/0/id")),
    ("cart", "200", "checkout_ready", body(expected_total="quote/total")),
    ("cart_add", "201", "checkout_ready", body(expected_total="quote/total")),
    ("coupons", "200", "quote", body(coupon_code="0/key")),
    ("quote", "200", "checkout_ready", body(expected_total="quote/total", seen="seen")),
    *(
        (started, "201", targets, values)
        for started in ("checkout_ready", "order_pay", "membership_method")
        for targets, values in (
            (ABOUT_A_PAYMENT, parameters(payment_id="payment_id")),
            ("order order_pay", parameters(number="order_number")),
        )
    ),
    ("payments", "200", ABOUT_A_PAYMENT, parameters(payment_id="results/0/payment_id")),
    ("payment", "200", "order order_pay", parameters(number="order_number")),
    ("payment_approve", "200", "order order_cancel", parameters(number="order_number")),
    ("orders", "200", ABOUT_AN_ORDER, parameters(number="results/0/number")),
    ("order", "200", "order_pay order_cancel", parameters(number="number")),
    ("order", "200", "refund_request_add", parameters(number="number") | A_PIECE),
    (
        *("refund_requests", "200", "refund_request_withdraw"),
        parameters(number="$request.path.number", id="0/id"),
    ),
    (
        *("refund_request_add", "201", "refund_request_withdraw"),
        parameters(number="$request.path.number", id="id"),
    ),
    ("addresses", "200", ABOUT_AN_ADDRESS, parameters(id="0/id")),
    ("address_add", "201", ABOUT_AN_ADDRESS, parameters(id="id")),
    ("membership_parting", "200", "membership_stop_at_once", body(seen="seen")),
]


def with_links(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: what of an answer goes into which request after it."""
    found = operations_of(result)
    for operation_id, status, targets, values in LINKS:
        links = found[operation_id]["responses"][status].setdefault("links", {})
        for target in targets.split():
            links[target] = {"operationId": target, **values}
    return result


def with_examples(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: what is sent, and what is answered."""
    found = operations_of(result)
    for operation_id, examples in json.loads(EXAMPLES.read_text()).items():
        operation = found[operation_id]
        for status, value in examples.items():
            place = (
                operation["requestBody"] if status == "request" else operation["responses"][status]
            )
            place["content"]["application/json"]["example"] = value
    return result


def operations_of(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for methods in result["paths"].values()
        for operation in methods.values()
    }
