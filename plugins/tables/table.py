"""Tables of text: from CSV to rows, and what kind a column is.

It knows nothing of tools. What is wrong with a table is a `ToolError`, for the model to
read.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fusebox import ToolError

#: how cells may be separated; which of them it is, the header says
SEPARATORS = ",;\t|"

Kind = Literal["number", "date", "text", "empty"]


@dataclass(frozen=True)
class Table:
    """A header, and rows of as many cells."""

    columns: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """The cells of a column, without spaces around them; an empty one is missing."""
        return [row[self.place(name)] for row in self.rows]

    def place(self, name: str) -> int:
        """Where a column is."""
        if name not in self.columns:
            raise ToolError(f"there is no column `{name}`; there are {', '.join(self.columns)}")
        return self.columns.index(name)


def read(text: str) -> Table:
    """Reads CSV with a header. Commas, semicolons, tabs or bars separate its cells."""
    header = text.lstrip("\ufeff").split("\n", 1)[0]
    separator = max(SEPARATORS, key=header.count)
    lines = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator, strict=True)
    try:
        found = [[cell.strip() for cell in line] for line in lines if line]
    except csv.Error as error:
        raise ToolError(f"line {lines.line_num} is no CSV: {error}") from error
    if not found:
        raise ToolError("the table is empty: its first line must name its columns")
    columns, *rows = found
    if len(set(columns)) < len(columns):
        raise ToolError("two columns have the same name")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise ToolError(f"row {number} has {len(row)} cells, and the header {len(columns)}")
    return Table(columns, rows)


def number(cell: str) -> float | None:
    """The number that a cell is; none of those that JSON has no word for, and no `1_000`,
    which is one of Python's alone."""
    if "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def day(cell: str) -> date | None:
    """The date that a cell is, such as 2026-02-28."""
    try:
        return date.fromisoformat(cell)
    except ValueError:
        return None


def kind(cells: list[str]) -> Kind:
    """What all cells are that aren't empty."""
    given = [cell for cell in cells if cell]
    if not given:
        return "empty"
    if all(number(cell) is not None for cell in given):
        return "number"
    if all(day(cell) is not None for cell in given):
        return "date"
    return "text"
