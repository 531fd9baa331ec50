"""The ways KakaoPay says no, in the shape it says them."""

HTTP_STATUS = {
    -5: 403,
    -401: 401,
    -403: 403,
    -404: 404,
    -429: 429,
    -500: 500,
    -503: 503,
    -9798: 503,
}

MESSAGES = {
    -1: "internal error, please try again",
    -400: "Authorization header is missing",
    -401: "secret key is not valid",
    -403: "this application has not registered the API",
    -404: "no such API",
    -429: "daily quota is used up",
    -500: "internal server error",
    -503: "service is under maintenance",
    -701: "payment is not authenticated by the user yet",
    -702: "payment is already approved",
    -706: "partner order id is different when you ordered!",
    -707: "partner user id is different when you ordered!",
    -708: "pg_token is not valid",
    -710: "cancel amount exceeds the cancelable amount",
    -711: "cancel amount exceeds the approved amount",
    -721: "tid does not exist",
    -722: "amount information is not valid",
    -723: "payment expiry time has passed",
    -725: "total amount is different when you ordered!",
    -731: "cid is not valid",
    -733: "cid_secret is not valid",
    -750: "sid does not exist",
    -751: "sid is inactive",
    -752: "sid exceeded the monthly limit of use",
    -753: "partner user id is different when the sid was issued!",
    -780: "approval failed at the payment method",
    -781: "cancel failed at the payment method",
    -782: "subscription charge failed at the payment method",
    -783: "payment is not in a state that can be approved",
    -784: "payment is not in a state that can be canceled",
    -785: "a request for this payment is already in progress",
    -797: "amount exceeds the limit of one payment",
    -798: "ip address is not allowed",
}

METHOD_MESSAGES = {
    "NOT_ENOUGH_BALANCE": "잔액이 부족합니다.",
    "LIMIT_ONE_TIME": "1회 결제 한도를 초과했습니다.",
    "LIMIT_USE_PER_DAY": "1일 이용 한도를 초과했습니다.",
    "BANK_ACCOUNT_BLOCKED": "사용할 수 없는 계좌입니다.",
    "BANK_FIRM_UNAVAILABLE": "은행 점검 시간입니다.",
    "USER_LOCKED": "진행중인 거래가 있습니다. 잠시 후 다시 시도해 주세요.",
    "BANK_FIRM_UNKNOWN": "은행과 진행중인 거래건이 존재합니다. 약 20분 후에 다시 시도해주세요.",
    "0002": "지급한도초과",
    "0004": "카드 유효기간 만료",
    "0026": "도난/분실 카드",
    "3538": "한도초과",
    "5039": "잔액부족오류",
    "8008": "거래거절 거래금액미달",
    "9999": "결제 실패. 잠시 후 재시도 바랍니다.",
}


class Refused(Exception):
    """
    A definite no. ``body`` and ``http_status`` are what the client gets.

    ``method_code`` is the reason of the card company or bank, and fills ``extras``.
    """

    def __init__(
        self,
        code: int,
        message: str = "",
        *,
        method_code: str = "",
        http_status: int | None = None,
    ) -> None:
        super().__init__(code, message)
        self.http_status = http_status or HTTP_STATUS.get(code, 400)
        self.body: dict[str, object] = {
            "error_code": code,
            "error_message": message or MESSAGES.get(code, "request is refused"),
        }
        if method_code:
            self.body["extras"] = {
                "method_result_code": method_code,
                "method_result_message": METHOD_MESSAGES.get(method_code, "거래가 거절되었습니다."),
            }


def invalid(field: str) -> Refused:
    """The refusal of one field that is missing, too long or out of range."""
    return Refused(-2, f"invalid param({field} has invalid value)")
