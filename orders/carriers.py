"""
Who carries parcels in Korea, and where anybody can see how far one is.

The addresses are the carriers' own public tracking pages, as two programs use them that are in wide
use in Korea: shlee322/delivery-tracker (``packages/core/src/carriers``: Korea Post, Hanjin, Logen,
and how long CJ's, Hanjin's and Lotte's numbers are) and Gnuboard 5 (``G5_DELIVERY_COMPANY`` in its
``shop.extend.php``: Hanjin's parameter, Lotte). CJ's is the one that Korean shops link to.
"""

import re
import unicodedata

from orders.models import Shipment

Carrier = Shipment.Carrier

TRACKING_PAGES = {
    Carrier.CJ: "https://trace.cjlogistics.com/next/tracking.html?wblNo={number}",
    Carrier.EPOST: (
        "https://service.epost.go.kr/trace.RetrieveDomRigiTraceList.comm?sid1={number}"
    ),
    Carrier.HANJIN: (
        "https://www.hanjin.com/kor/CMS/DeliveryMgr/WaybillResult.do"
        "?mCode=MN038&schLang=KR&wblnumText2={number}"
    ),
    Carrier.LOTTE: "https://www.lotteglogis.com/open/tracking?invno={number}",
    Carrier.LOGEN: "https://www.ilogen.com/web/personal/trace/{number}",
}

#: CJ's have 10 or 12 digits, Korea Post's 13, letters abroad; looser, as carriers change them.
NUMBER = re.compile(r"[0-9A-Z]{8,20}")
SEPARATORS = re.compile(r"[\s‐-―−-]+")


class BadTrackingNumber(ValueError):
    """No carrier writes its numbers like this, or the carrier needs one and there is none."""


def tracking_url(carrier: str, number: str) -> str:
    """The carrier's public page about a parcel; empty if it has none or there is no number."""
    page = TRACKING_PAGES.get(Carrier(carrier)) if carrier and number else None
    return page.format(number=number) if page else ""


def compact(number: str) -> str:
    """A number as it is stored: full-width digits, spaces and hyphens are how people type it."""
    return SEPARATORS.sub("", unicodedata.normalize("NFKC", number)).upper()


def checked(carrier: Carrier, number: str) -> str:
    """
    The number as it is stored. The shop's own deliveries need none, and may have any.

    :raises BadTrackingNumber: if it is not 8 to 20 digits and letters.
    """
    number = compact(number)
    if carrier == Carrier.OWN and not number:
        return ""
    if not NUMBER.fullmatch(number):
        raise BadTrackingNumber(number)
    return number
