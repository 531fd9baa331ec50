"""
Reading a statement: the file of movements that a merchant downloads from the provider's site.

KakaoPay does not document its file, so this is an assumption in one place: columns are known by the
spellings in ``SPELLINGS``, whatever their order; what else the file has is ignored. It is CSV
(UTF-8 or CP949; comma, semicolon or tab) or Excel's XLSX. Times without a zone are Korean.
"""

import codecs
import csv
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from checkout.statements.values import Unreadable, amount_of, kind_of, moment_of, plain, text_of
from orders.models import PaymentTransaction

#: How each column may be headed; spaces, brackets, punctuation and case do not matter.
SPELLINGS = {
    "at": (
        *("거래일시", "거래일자", "거래일", "결제일시", "승인일시", "승인/취소일시", "처리일시"),
        *("일시", "date", "datetime", "time", "transaction date", "approved at", "moved at"),
    ),
    "kind": (
        *("거래구분", "구분", "거래유형", "거래종류", "결제구분", "승인구분", "거래상태", "상태"),
        *("type", "kind", "transaction type", "status"),
    ),
    "tid": (
        *("결제번호(TID)", "결제번호", "TID", "결제고유번호", "거래번호", "거래고유번호"),
        *("카카오페이 결제번호", "payment id", "transaction id"),
    ),
    "aid": (
        *("승인번호(AID)", "AID", "요청고유번호", "요청번호", "승인/취소번호", "approval id"),
        *("request id", "movement id"),
    ),
    "order_number": (
        *("주문번호", "가맹점주문번호", "상점주문번호", "가맹점 주문번호(partner_order_id)"),
        *("partner_order_id", "order", "order number", "order no", "order id"),
    ),
    "amount": (
        *("거래금액", "금액", "결제금액", "승인금액", "승인/취소금액", "총금액", "총 거래금액"),
        *("amount", "total", "total amount"),
    ),
}
REQUIRED = ("at", "kind", "tid", "amount")
#: The first cell of a row of totals begins with one of these.
TOTALS = ("합계", "총계", "소계", "총합계", "총건수", "총", "total", "subtotal", "sum")
TITLE_ROWS = 50  # the header is among the first rows
DELIMITERS = (",", ";", "\t")
CHUNK_BYTES = 1 << 20
ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

COLUMNS = {plain(word): name for name, words in SPELLINGS.items() for word in words}
Cells = list[Any]
Row = tuple[int, Cells]  # with its line number


@dataclass(frozen=True, slots=True)
class Line:
    """One movement in the file; ``amount`` is in won, and positive also for a refund."""

    line: int
    kind: PaymentTransaction.Kind
    tid: str
    aid: str
    order_number: str
    amount: int
    moved_at: datetime


@contextmanager
def opened(path: Path) -> Iterator[tuple[int | None, Iterator[Line]]]:
    """
    About how many lines the file has, and its movements as they are read; few are held at a time.

    :raises Unreadable: what is wrong with the file, in a sentence; from the iterator, with the line
        number of a row that cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start == OLD_EXCEL:
            raise Unreadable(
                "this is an old or a protected Excel file: save it as .xlsx without a password"
            )
        if start == ZIP:
            with sheet(path) as (total, rows):
                yield total, movements(rows)
        else:
            encoding, total = encoding_of(path)
            with path.open(encoding=encoding, newline="") as text:
                yield total, movements(csv_rows(text))
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error


def encoding_of(path: Path) -> tuple[str, int]:
    """How the text is encoded, and how many lines it has. :raises Unreadable: neither fits."""
    for encoding in ("utf-8-sig", "cp949"):
        decoder = codecs.getincrementaldecoder(encoding)()
        lines = 0
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    decoder.decode(chunk)
                    lines += chunk.count(b"\n")
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding, lines
    raise Unreadable("the text is neither UTF-8 nor CP949: save the file as CSV UTF-8 or as XLSX")


def csv_rows(text: Iterable[str]) -> Iterator[Row]:
    """Each row with the number of its first line. :raises Unreadable: with that number."""
    lines = iter(text)
    head = list(islice(lines, TITLE_ROWS))
    delimiter = max(DELIMITERS, key=lambda each: columns_known(head, each))
    reader = csv.reader(chain(head, lines), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(f"line {number}: this is no CSV row ({error})") from error


def columns_known(lines: list[str], delimiter: str) -> int:
    """How many columns of the header are known if the cells are divided by this."""
    rows = csv.reader(lines, delimiter=delimiter)
    return max((len(as_header(cells)[0]) for cells in rows), default=0)


@contextmanager
def sheet(path: Path) -> Iterator[tuple[int | None, Iterator[Row]]]:
    """The rows of the first sheet that has a header. :raises Unreadable:"""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, ParseError) as error:
        raise Unreadable("this is no Excel workbook, or a damaged one") from error
    try:
        sheets = [each for each in book.worksheets if len(columns_in(each)) >= len(REQUIRED)]
        chosen = (sheets or book.worksheets)[0]
        total = chosen.max_row
        chosen.reset_dimensions()
        yield total, rows_of(chosen)
    finally:
        book.close()


def columns_in(chosen: Any) -> dict[str, int]:
    """The columns known in a sheet; an export may tell a wrong size, which is not believed."""
    rows = chosen.iter_rows(max_row=TITLE_ROWS, values_only=True)
    return max((as_header(list(cells))[0] for cells in rows), key=len, default={})


def rows_of(chosen: Any) -> Iterator[Row]:
    number = 0
    try:
        for number, cells in enumerate(chosen.iter_rows(values_only=True), 1):
            yield number, list(cells)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, ParseError) as error:
        raise Unreadable(f"the workbook is damaged after line {number}") from error


def movements(rows: Iterator[Row]) -> Iterator[Line]:
    """:raises Unreadable: also without a header, or without a single row."""
    columns, width = header_in(rows)
    for number, cells in rows:
        texts = [text_of(cell) for cell in cells]
        if not any(texts) or is_total(texts, columns):
            continue
        try:
            if any(texts[width:]):
                raise Unreadable(f"there are more cells than the header's {width}")
            yield movement(number, cells, columns)
        except Unreadable as error:
            raise Unreadable(f"line {number}: {error}") from error


def header_in(rows: Iterator[Row]) -> tuple[dict[str, int], int]:
    """
    Where the columns are, and how many the header has.

    :raises Unreadable: which columns are missing, and what the file has instead.
    """
    best: dict[str, int] = {}
    names: list[str] = []
    for _, cells in islice(rows, TITLE_ROWS):
        columns, headed = as_header(cells)
        if all(name in columns for name in REQUIRED):
            return columns, len(headed)
        if any(headed) and (not names or len(columns) > len(best)):
            best, names = columns, headed
    if not names:
        raise Unreadable("the file is empty")
    missing = ", ".join(SPELLINGS[name][0] for name in REQUIRED if name not in best)
    has = ", ".join(name for name in names if name)[:300]
    raise Unreadable(f"the file has no column {missing}; its columns are: {has}")


def as_header(cells: Cells) -> tuple[dict[str, int], list[str]]:
    """The columns that are known among the cells, and what the cells say."""
    names = [text_of(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    columns: dict[str, int] = {}
    for place, name in enumerate(names):
        if (known := COLUMNS.get(plain(name))) is not None:
            columns.setdefault(known, place)
    return columns, names


def is_total(texts: list[str], columns: dict[str, int]) -> bool:
    """A row of sums: it names no payment, and its first cell says so."""
    place = columns["tid"]
    if place < len(texts) and texts[place] and not texts[place].startswith(TOTALS):
        return False
    first = next(text for text in texts if text)
    return plain(first).startswith(TOTALS)


def movement(number: int, cells: Cells, columns: dict[str, int]) -> Line:
    """:raises Unreadable: what is wrong with the row."""

    def cell(name: str) -> Any:
        place = columns.get(name, len(cells))
        value = cells[place] if place < len(cells) else ""
        if name in REQUIRED and not text_of(value):
            raise Unreadable(f"{SPELLINGS[name][0]} is empty")
        return value

    kind, amount = kind_of(cell("kind")), amount_of(cell("amount"))
    if kind == PaymentTransaction.Kind.CHARGE and amount < 0:
        raise Unreadable("an approval cannot be negative")
    return Line(
        line=number,
        kind=kind,
        tid=name_in(cell("tid"), "tid", most=40),
        aid=name_in(cell("aid"), "aid", most=40),
        order_number=name_in(cell("order_number"), "order_number", most=100),
        amount=abs(amount),
        moved_at=moment_of(cell("at")),
    )


def name_in(cell: Any, column: str, *, most: int) -> str:
    """:raises Unreadable: if it is longer than any, or holds what cannot be printed."""
    text = text_of(cell)
    if len(text) > most or not text.isprintable():
        raise Unreadable(f"{SPELLINGS[column][0]} is not one: {text[:60]!r}")
    return text
