"""
The outcome table: what each KakaoPay answer, and each way of getting none, means for the money.

Only a code listed as DECLINED proves that nothing moved; whom it is about is the payer where it
does not say otherwise. What is not listed is UNKNOWN and looked up: a needless question costs less
than a wrong answer. ``docs/outcomes.md`` shows this table.
Source: KakaoPay's error table (payment codes, all HTTP 400, and the platform's own).
"""

from enum import Enum
from typing import NamedTuple

from checkout.gateways.base import Why


class Outcome(Enum):
    APPROVED = "approved"
    DECLINED = "declined"
    NEVER_SENT = "never sent"
    UNKNOWN = "unknown"


class Meaning(NamedTuple):
    outcome: Outcome
    text: str
    why: Why = Why.PAYER


def declined(text: str, why: Why = Why.PAYER) -> Meaning:
    return Meaning(Outcome.DECLINED, text, why)


def unknown(text: str) -> Meaning:
    return Meaning(Outcome.UNKNOWN, text)


#: By ``error_code``. A DECLINED counts only with HTTP 4xx and without one of the OPEN_REASONS.
CODES = {
    -1: unknown("an internal error"),
    -2: declined("a parameter is missing or wrong", Why.SHOP),
    -3: declined("the API is switched off for this shop", Why.SHOP),
    -4: declined("the buyer is barred"),
    -5: declined("the shop has no permission", Why.SHOP),
    -7: unknown("under maintenance"),
    -10: declined("too many requests", Why.SHOP),
    -301: declined("the application key is unknown", Why.SHOP),
    -400: declined("the Authorization header is missing", Why.SHOP),
    -401: declined("the secret key is wrong", Why.SHOP),
    -403: declined("the application has not registered this API", Why.SHOP),
    -404: declined("the address does not exist", Why.SHOP),
    -429: declined("today's quota is used up", Why.SHOP),
    -500: unknown("an internal error of the platform"),
    -503: unknown("the platform is under maintenance"),
    -701: declined("the buyer has not authenticated yet"),
    -702: unknown("the payment is already approved"),
    -703: declined("the point amount is wrong", Why.SHOP),
    -704: declined("the method's amount is wrong", Why.SHOP),
    -705: declined("the method is not supported"),
    -706: declined("the order number differs from the one announced", Why.SHOP),
    -707: declined("the buyer differs from the one announced", Why.SHOP),
    -708: declined("the pg_token is wrong"),
    -710: declined("more than can still be refunded", Why.SHOP),
    -711: declined("more than was approved", Why.SHOP),
    -721: declined("the payment does not exist", Why.SHOP),
    -722: declined("the amounts do not fit together, or are out of date", Why.SHOP),
    -723: declined("the time to pay has passed"),
    -724: declined("the single-payment amount is wrong", Why.SHOP),
    -725: declined("the total differs from the one announced", Why.SHOP),
    -726: declined("the order information is wrong", Why.SHOP),
    -730: declined("the shop's application is set up wrongly", Why.SHOP),
    -731: declined("the CID is wrong", Why.SHOP),
    -732: declined("the GID is wrong", Why.SHOP),
    -733: declined("the CID secret is wrong", Why.SHOP),
    -750: declined("the SID does not exist", Why.OTHER_BUYER),
    -751: declined("the SID is inactive", Why.ENDED),
    -752: declined("the SID was used up for this month", Why.USED_UP),
    -753: declined("the SID belongs to another buyer", Why.OTHER_BUYER),
    -761: declined("the phone number is not a KakaoTalk user's"),
    -780: declined("the card or money account refused the payment"),
    -781: declined("the card or money account refused the refund"),
    -782: declined("the card or money account refused the recurring charge"),
    -783: unknown("the payment cannot be approved as it stands"),
    -784: declined("the payment cannot be refunded as it stands", Why.SHOP),
    -785: unknown("the same request is being worked on"),
    -797: declined("over the limit of one payment", Why.SHOP),
    -798: declined("this machine's address is not allowed", Why.SHOP),
    -799: declined("the domain of the return address is not registered", Why.SHOP),
    -9798: unknown("under maintenance"),
}

#: Reasons inside a −780, −781 or −782 that leave the outcome open.
OPEN_REASONS = {
    "USER_LOCKED": "another transaction of the buyer is still running",
    "BANK_FIRM_UNKNOWN": "the bank has not said yet; it may take 20 minutes",
    "BANK_FIRM_API_FAIL": "the bank's interface failed",
    "INTERNAL_ERROR": "an internal error at the money account",
    "PAY_ACCOUNT_RESPONSE_ERROR": "the money account did not answer properly",
    "TALK_USER_RESPONSE_ERROR": "the account service did not answer properly",
    "0010": "the card company timed out",
    "0121": "the card company's network is down",
    "5016": "the card company's network is down",
    "9999": "“try again in a moment”",
}


class Failure(Enum):
    """The ways in which there is no answer, or none that can be trusted."""

    NO_CONNECTION = Meaning(Outcome.NEVER_SENT, "the connection was refused")
    CONNECT_TIMEOUT = Meaning(Outcome.NEVER_SENT, "no connection in time")
    NO_SUCH_HOST = Meaning(Outcome.NEVER_SENT, "the host name is unknown")
    BAD_CERTIFICATE = Meaning(Outcome.NEVER_SENT, "the certificate cannot be trusted")
    BAD_ADDRESS = Meaning(Outcome.NEVER_SENT, "the address set for the API is not one")
    NO_RECURRING_CID = Meaning(Outcome.NEVER_SENT, "no CID is set for recurring payments")
    READ_TIMEOUT = unknown("no answer in time")
    DROPPED = unknown("the connection closed before an answer")
    BROKEN_OFF = unknown("the answer broke off")
    TOO_SLOW = unknown("the answer did not end in time")
    TOO_LONG = unknown("the answer is too long")
    REDIRECT = unknown("the answer is a redirection")
    NOT_JSON = unknown("the answer is not a JSON object")
    INCOMPLETE = unknown("the answer lacks a field that every answer has")
    OTHER_PAYMENT = unknown("the answer is about another payment")
    OTHER_AGREEMENT = unknown("the answer is about another agreement")
    OTHER_AMOUNT = unknown("the answer is about another amount")
    NEW_STATUS = unknown("the status is not a known one")
    SERVER_ERROR = unknown("HTTP 5xx, whatever the body says")
    NEW_CODE = unknown("an error without a code, or with one that is not listed")

    @property
    def meaning(self) -> Meaning:
        value: Meaning = self.value
        return value


def meaning_of(http_status: int, code: object, reason: str) -> Meaning:
    """
    What an error body means.

    :param reason: ``extras.method_result_code``, empty where there is none.
    """
    if http_status >= 500:
        return Failure.SERVER_ERROR.meaning
    if not isinstance(code, int) or code not in CODES or http_status < 400:
        return Failure.NEW_CODE.meaning
    if reason in OPEN_REASONS:
        return unknown(OPEN_REASONS[reason])
    return CODES[code]
