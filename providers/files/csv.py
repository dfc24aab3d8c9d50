"""CSV files as rows: delimiter, encoding, header and quotes are looked at here."""

import csv
import io
import re
from collections.abc import Iterator, Sequence

from providers.files.rows import Problems, Row, Table

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read(table: Table, data: bytes, problems: Problems) -> list[Row]:
    """The rows of a file, blank ones left out; what is wrong with it is noted."""
    text = _decoded(table, data, problems)
    if text is None:
        return []
    if not text.strip():
        problems.lose(
            table.file, 0, f"the file is empty (expected a header: {_listed(table.must)})"
        )
        return []
    first = next(line for line in text.splitlines() if line.strip())
    delimiter = ";" if first.count(";") > first.count(",") else ","
    records = _records(table.file, text, delimiter, problems)
    line, header = next(records, (1, []))
    names = [name.strip().casefold() for name in header]
    if not names or not _good_header(table, line, names, problems):
        return []
    rows = []
    for line, fields in records:
        if len(fields) != len(names):
            many = len(fields) > len(names)
            hint = f"quote a field that holds a {delimiter!r}" if many else "the row is cut off"
            counts = f"{len(fields)} fields, but the header names {len(names)}"
            problems.lose(table.file, line, f"{counts} ({hint})")
            continue
        cells = dict(zip(names, (field.strip() for field in fields), strict=True))
        rows.append(Row(table.file, line, cells, delimiter == ";", problems))
    return rows


def _decoded(table: Table, data: bytes, problems: Problems) -> str | None:
    """The text of a file, None where it is no UTF-8 text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.lose(table.file, 0, "the file is UTF-16 (export it again as 'CSV UTF-8')")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # the codec counts from after a byte order mark, so the line is counted in its own object
        line = error.object[: error.start].count(b"\n") + 1
        byte = error.object[error.start]
        problems.lose(
            table.file,
            line,
            f"byte 0x{byte:02X} is not UTF-8, the file may be Windows-1252 "
            "(export it again as 'CSV UTF-8')",
        )
        return None
    if match := _CONTROL.search(text):
        line = text.count("\n", 0, match.start()) + 1
        name = "a NUL byte" if match[0] == "\0" else f"control character U+{ord(match[0]):04X}"
        problems.lose(table.file, line, f"{name} is no text (export the file again)")
        return None
    return text


def _records(
    file: str, text: str, delimiter: str, problems: Problems
) -> Iterator[tuple[int, list[str]]]:
    """The records with the line each begins on, up to the first that is broken."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "expected after" in str(error):
                told = 'a quote within a quoted field must be written twice ("")'
            else:  # the end of the file, or a field longer than any
                told = 'a quoted field begins here and never ends (add the closing ")'
            problems.lose(file, start, told)
            return
        if any(field.strip() for field in fields):
            yield start, fields
        start = reader.line_num + 1


def _good_header(table: Table, line: int, names: Sequence[str], problems: Problems) -> bool:
    before = len(problems.texts)
    unknown = [name for name in names if name not in table.columns]
    if unknown:
        hint = "" if len(names) > 1 else "; separate them by commas or semicolons"
        told = f"unknown {_plural(unknown)} {_listed(unknown)}"
        problems.lose(table.file, line, f"{told} (allowed: {_listed(table.columns)}{hint})")
    twice = sorted({name for name in names if names.count(name) > 1} - set(unknown))
    if twice:
        problems.lose(table.file, line, f"{_plural(twice)} {_listed(twice)} named twice")
    missing = [name for name in table.must if name not in names]
    if missing and len(names) > 1:
        problems.lose(table.file, line, f"{_plural(missing)} {_listed(missing)} missing")
    return len(problems.texts) == before


def _plural(names: Sequence[str]) -> str:
    return "column" if len(names) == 1 else "columns"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name or "(no name)" for name in names)
