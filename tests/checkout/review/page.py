"""The review page as it is filled in and read."""

import re

QUOTE = "/checkout/quote/"
READY = "/checkout/ready/"
TYPED = {
    "name": "김하나",
    "phone": "010-1234-5678",
    "email": "hana@example.com",
    "address-recipient": "김둘",
    "address-phone": "010-8765-4321",
    "address-postcode": "04524",
    "address-line1": "서울 중구 세종대로 110",
    "address-line2": "",
    "address-memo": "",
}


def seal_on(page):
    return re.search(r'name="seen" value="([^"]*)"', page.content.decode())[1]


def figures(page):
    quote = page.context["quote"]
    return quote.discount, quote.points, quote.shipping, quote.total
