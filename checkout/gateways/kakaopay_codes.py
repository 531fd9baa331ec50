"""
What each KakaoPay answer means for the money.

Only a code listed in ``DEFINITE_NO`` proves that nothing was charged. Whatever is not listed is
treated as unknown and looked up: a needless question costs less than a wrong answer.
Source: KakaoPay's error table (payment codes, all HTTP 400, and the platform's own).
"""

#: Error codes after which no money has moved and none will by this request.
DEFINITE_NO = {
    -2: "a parameter is missing or wrong",
    -3: "the API is switched off for this shop",
    -4: "the buyer is barred",
    -5: "the shop has no permission",
    -10: "too many requests",
    -301: "the application key is unknown",
    -400: "the Authorization header is missing",
    -401: "the secret key is wrong",
    -403: "the application has not registered this API",
    -404: "the address does not exist",
    -429: "today's quota is used up",
    -701: "the buyer has not authenticated yet",
    -703: "the point amount is wrong",
    -704: "the method's amount is wrong",
    -705: "the method is not supported",
    -706: "the order number differs from the one announced",
    -707: "the buyer differs from the one announced",
    -708: "the pg_token is wrong",
    -721: "the payment does not exist",
    -722: "the amounts do not fit together",
    -723: "the time to pay has passed",
    -724: "the single-payment amount is wrong",
    -725: "the total differs from the one announced",
    -726: "the order information is wrong",
    -730: "the shop's application is set up wrongly",
    -731: "the CID is wrong",
    -732: "the GID is wrong",
    -733: "the CID secret is wrong",
    -761: "the phone number is not a KakaoTalk user's",
    -780: "the card or money account refused",
    -797: "over the limit of one payment",
    -798: "this machine's address is not allowed",
    -799: "the domain of the return address is not registered",
}

#: Reasons inside a −780 that leave the outcome open: another transaction is still running, or the
#: bank or card company did not answer KakaoPay.
OPEN_REASONS = {
    "USER_LOCKED",
    "BANK_FIRM_UNKNOWN",
    "BANK_FIRM_API_FAIL",
    "INTERNAL_ERROR",
    "PAY_ACCOUNT_RESPONSE_ERROR",
    "TALK_USER_RESPONSE_ERROR",
    "0010",  # the card company timed out
    "0121",  # its network is down
    "5016",  # the same
    "9999",  # "try again in a moment"
}


def is_definite_no(http_status: int, code: int, reason: str) -> bool:
    """
    Did KakaoPay say for certain that no money moved?

    :param reason: ``extras.method_result_code``, empty where there is none.
    """
    return 400 <= http_status < 500 and code in DEFINITE_NO and reason not in OPEN_REASONS
