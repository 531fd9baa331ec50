"""Reading an uploaded list of parcels: CSV (UTF-8 or CP949) or Excel's XLSX."""

import csv
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO, StringIO
from xml.etree.ElementTree import ParseError

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from checkout.shipping_lists import Cells, lines_in
from checkout.statements.files import OLD_EXCEL, ZIP
from checkout.statements.values import text_of

MOST_BYTES = 2_000_000
MOST_BYTES_UNPACKED = 50_000_000
DELIMITERS = "\t;,"
DAMAGED = (
    *(InvalidFileException, zipfile.BadZipFile, zlib.error, ParseError),
    *(KeyError, ValueError, EOFError, IndexError),
)


class Unreadable(Exception):
    """The file cannot be read; the message says why and what to do, in a sentence."""


def lines_of(file: UploadedFile[bytes]) -> Iterator[Cells]:
    """
    The cells of each line, as texts. A file that is too long is not read at all.

    :raises Unreadable: at once or from the iterator.
    """
    if file.size is None or file.size > MOST_BYTES:
        raise Unreadable(_("The file is too long: divide it into several."))
    data = file.read()
    if data.startswith(OLD_EXCEL):
        raise Unreadable(
            _("This is an old or a protected Excel file: save it as XLSX without a password.")
        )
    return in_sheet(data) if data.startswith(ZIP) else in_text(decoded(data))


def decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(_("This is neither CSV nor XLSX: save the list as one of them."))


def in_text(text: str) -> Iterator[Cells]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    if delimiter not in first:
        yield from lines_in(text)
        return
    try:
        yield from csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise Unreadable(_("The file is damaged: save it once more.")) from error


def in_sheet(data: bytes) -> Iterator[Cells]:
    """Of the first sheet."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as packed:
            if sum(each.file_size for each in packed.infolist()) > MOST_BYTES_UNPACKED:
                raise Unreadable(_("The file is too long: divide it into several."))
        book = load_workbook(BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        for cells in sheet.iter_rows(values_only=True):
            yield [text_of(cell) for cell in cells]
    except DAMAGED as error:
        raise Unreadable(_("The file is damaged: save it once more.")) from error
