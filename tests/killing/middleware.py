from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tests.killing.points import passing, point


class KillingMiddleware:
    """
    ``X-Kill-At: 3`` lets the process die at the third point that the request passes.

    With 0 it lives, and the answer's ``X-Points`` names the points in their order.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kill_at = request.headers.get("X-Kill-At")
        if kill_at is None:
            return self.get_response(request)
        with passing(int(kill_at)) as passage:
            response = self.get_response(request)
            point("before answering the browser")
        response["X-Points"] = ", ".join(passage.points)
        return response
