"""Tables as files that spreadsheets open: CSV as a stream, XLSX on disk."""

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import chain, islice
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from checkout.exporting.cells import FORMULA, Cell, neutral
from checkout.exporting.tables import Table

ROWS_AT_ONCE = 500
BOM = "\ufeff"  # without it Excel reads Korean as CP949
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
COLUMN_WIDTH = 20  # characters


def csv_of(table: Table) -> Iterator[bytes]:
    """UTF-8 for Excel, a few hundred lines at a time; texts are quoted, and never formulas."""
    headings: list[Cell] = [*table.headings]
    rows = chain([headings], table.cells())
    start = BOM
    while some := list(islice(rows, ROWS_AT_ONCE)):
        lines = StringIO()
        csv.writer(lines, quoting=csv.QUOTE_NONNUMERIC).writerows(map(texts_neutral, some))
        yield (start + lines.getvalue()).encode()
        start = ""


def texts_neutral(cells: Iterable[Cell]) -> list[Cell]:
    return [neutral(cell) if isinstance(cell, str) else cell for cell in cells]


def xlsx_of(table: Table) -> IO[bytes]:
    """
    Texts, numbers and times in Seoul in a file that has no name: it is gone when it is closed.

    :returns: the file, at its beginning.
    """
    book = Workbook(write_only=True)
    sheet = sheet_in(book, table)
    for row in table.cells():
        sheet.append([cell_in(sheet, cell) if isinstance(cell, str) else cell for cell in row])
    file = tempfile.TemporaryFile()  # noqa: SIM115
    book.save(file)
    file.seek(0)
    return file


def sheet_in(book: Workbook, table: Table) -> Any:
    """A sheet with the headings on top, which stay there when the rest is scrolled."""
    sheet: Any = book.create_sheet()
    sheet.freeze_panes = "A2"
    for place in range(1, len(table.columns) + 1):
        sheet.column_dimensions[get_column_letter(place)].width = COLUMN_WIDTH
    headings = [WriteOnlyCell(sheet, heading) for heading in table.headings]
    for heading in headings:
        heading.font = Font(bold=True)
    sheet.append(headings)
    return sheet


def cell_in(sheet: Any, text: str) -> Any:
    """A text that stays one, also if somebody goes into the cell and out of it again."""
    text = NOT_IN_XML.sub("", text)
    if not FORMULA.match(text) and not text.startswith("#"):  # such as #N/A, an error to Excel
        return text or None
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell
