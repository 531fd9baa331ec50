"""The statement of movements that a merchant downloads from the partner site, as CSV or Excel."""

import csv
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import IO, NamedTuple

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET
from openpyxl import Workbook

from . import clock
from .asking import Unclear, day, span
from .models import Action, Method

HEADERS = (
    "거래일시",
    "거래구분",
    "CID",
    "결제번호(TID)",
    "승인번호(AID)",
    "주문번호",
    "상품명",
    "결제수단",
    "거래금액",
    "면세금액",
    "부가세",
)
WIDTHS = (20, 10, 13, 24, 24, 36, 30, 16, 12, 12, 12)
ENCODINGS = {"utf-8": "utf-8-sig", "cp949": "cp949"}  # Excel takes UTF-8 only with its mark
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = (
    "at",
    "type",
    "payment__cid",
    "payment__tid",
    "aid",
    "payment__partner_order_id",
    "payment__item_name",
    "payment__payment_method_type",
    "total",
    "tax_free",
    "vat",
)
ROWS_AT_ONCE = 2000


class Row(NamedTuple):
    """One movement as the statement tells it; amounts in won, negative when they went back."""

    at: str
    type: str
    cid: str
    tid: str
    aid: str
    order: str
    item: str
    method: str
    total: int
    tax_free: int
    vat: int


class Days(NamedTuple):
    """Korean days, both inclusive."""

    since: date
    until: date

    @property
    def name(self) -> str:
        return f"statement-{self.since}-{self.until}"


@require_GET
def as_csv(request: HttpRequest) -> HttpResponseBase:
    """``?since=&until=&encoding=utf-8|cp949``; without days, today."""
    try:
        days = _days(request)
        encoding = ENCODINGS.get(request.GET.get("encoding", "utf-8"))
        if encoding is None:
            raise Unclear(f"encoding: {' 또는 / or '.join(ENCODINGS)}")
    except Unclear as unclear:
        return _unclear(unclear)
    response = StreamingHttpResponse(
        _encoded(rows(days), encoding),
        content_type=f"text/csv; charset={encoding.removesuffix('-sig')}",
    )
    response["Content-Disposition"] = f'attachment; filename="{days.name}.csv"'
    return response


@require_GET
def as_excel(request: HttpRequest) -> HttpResponseBase:
    """``?since=&until=``; without days, today."""
    try:
        days = _days(request)
    except Unclear as unclear:
        return _unclear(unclear)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    _write_workbook(rows(days), file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{days.name}.xlsx", content_type=EXCEL)


def rows(days: Days) -> Iterator[Row]:
    """The approvals and cancels of these days, oldest first; a few thousand are held at a time."""
    found = (
        Action.objects.filter(**span(days.since, days.until, "at"))
        .exclude(type=Action.Type.ISSUED_SID)
        .order_by("at", "id")
        .values_list(*COLUMNS)
    )
    methods = dict(Method.choices)
    for at, type, cid, tid, aid, order, item, method, *amounts in found.iterator(ROWS_AT_ONCE):
        sign = -1 if type == Action.Type.CANCEL else 1
        yield Row(
            told(at),
            "취소" if sign < 0 else "승인",
            cid,
            tid,
            aid,
            order,
            item,
            methods.get(method, ""),
            *(sign * amount for amount in amounts),
        )


def told(moment: datetime) -> str:
    """``2026-11-21 12:34:56`` in Korean time."""
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S")


class _Line:
    """What ``csv`` writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


def _encoded(found: Iterator[Row], encoding: str) -> Iterator[bytes]:
    """What the encoding does not have becomes a question mark, as in any Korean system."""
    line = csv.writer(_Line()).writerow
    yield line(HEADERS).encode(encoding, "replace")
    plain = encoding.removesuffix("-sig")
    lines: list[str] = []
    for row in found:
        lines.append(line([*row[:-3], *(f"{amount:,}" for amount in row[-3:])]))
        if len(lines) == ROWS_AT_ONCE:
            yield "".join(lines).encode(plain, "replace")
            lines.clear()
    yield "".join(lines).encode(plain, "replace")


def _write_workbook(found: Iterator[Row], file: IO[bytes]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("거래내역")
    for number, width in enumerate(WIDTHS):
        sheet.column_dimensions["ABCDEFGHIJK"[number]].width = width
    sheet.freeze_panes = "A2"
    sheet.append(HEADERS)
    for row in found:
        sheet.append(row)
    book.save(file)


def _days(request: HttpRequest) -> Days:
    until = day(request.GET, "until") or timezone.localdate(clock.now())
    since = day(request.GET, "since") or until
    span(since, until, "at")
    return Days(since, until)


def _unclear(unclear: Unclear) -> HttpResponse:
    return HttpResponse(f"{unclear}\n", status=400, content_type="text/plain; charset=utf-8")
