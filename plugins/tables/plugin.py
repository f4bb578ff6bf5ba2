"""The plugin `tables`: what a model gets wrong when it reckons by itself. It sums up
tables, finds what changed between two, and counts days, with Python's own `statistics`,
`csv`, `difflib` and `datetime`.
"""

import difflib
import math
import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, TypedDict

import table
from fusebox import Context, Field, Message, NotFound, ToolError, completion, prompt, resource, tool
from table import Kind, Table

Csv = Annotated[str, Field("a table as CSV, its first line names the columns", min_length=1, max_length=2_000_000)]

#: of the most frequent values that are told
COMMON_MAX = 5
#: of rows that are told of each kind of difference
ROWS_MAX = 100
#: between two days
DAYS_MAX = 366 * 200
#: of two texts: finding what differs takes time that grows with their product
LINES_MAX = 5_000


class Frequency(TypedDict):
    value: str
    count: int


@dataclass
class Numbers:
    minimum: float
    maximum: float
    total: float
    mean: float
    median: float
    #: of a sample; None of a single number
    deviation: float | None
    #: the three cuts between four parts of the same size; none of a single number
    quartiles: list[float]


@dataclass
class Dates:
    first: date
    last: date
    days: int


@dataclass
class Column:
    name: str
    kind: Kind
    given: int
    missing: int
    distinct: int
    common: list[Frequency]
    numbers: Numbers | None = None
    dates: Dates | None = None


@dataclass
class Summary:
    rows: int
    columns: list[Column]


@tool(read_only=True, idempotent=True)
def summarize(
    csv: Csv,
    columns: Annotated[list[str] | None, "of these only; all if it is left out"] = None,
    ctx: Context = Context(),
) -> Summary:
    """Sums up each column of a table: its kind, missing and distinct values, the most
    frequent ones; of numbers their total, mean, median, deviation and quartiles; of dates
    (2026-02-28) the first and the last."""
    whole = table.read(csv)
    wanted = whole.columns if columns is None else columns
    summed = []
    for done, name in enumerate(wanted, start=1):
        summed.append(_column(name, whole.column(name)))
        ctx.progress(done, len(wanted), name)
    return Summary(len(whole.rows), summed)


def _column(name: str, cells: list[str]) -> Column:
    given = [cell for cell in cells if cell]
    counts = Counter(given)
    common = [Frequency(value=value, count=count) for value, count in counts.most_common(COMMON_MAX)]
    kind = table.kind(cells)
    made = Column(name, kind, len(given), len(cells) - len(given), len(counts), common)
    if kind == "number":
        made.numbers = _numbers([float(cell) for cell in given])
    elif kind == "date":
        days = [date.fromisoformat(cell) for cell in given]
        made.dates = Dates(min(days), max(days), (max(days) - min(days)).days)
    return made


def _numbers(values: list[float]) -> Numbers:
    several = len(values) > 1
    return Numbers(
        minimum=min(values),
        maximum=max(values),
        total=math.fsum(values),
        mean=statistics.fmean(values),
        median=statistics.median(values),
        deviation=statistics.stdev(values) if several else None,
        quartiles=statistics.quantiles(values, n=4) if several else [],
    )


@dataclass
class Correlation:
    #: rows in which both columns have a number
    pairs: int
    #: Pearson's, from -1 to 1
    correlation: float
    #: of the line through them: y = slope * x + intercept
    slope: float
    intercept: float


@tool(read_only=True, idempotent=True)
def correlate(csv: Csv, x: Annotated[str, "a column of numbers"], y: Annotated[str, "another"]) -> Correlation:
    """Says how two columns of numbers go together, and which line fits them best. Rows in
    which either has no number are left out."""
    whole = table.read(csv)
    cells = zip(whole.column(x), whole.column(y))
    numbers = [(table.number(one), table.number(other)) for one, other in cells]
    pairs = [(one, other) for one, other in numbers if one is not None and other is not None]
    if len(pairs) < 2:
        raise ToolError(f"`{x}` and `{y}` have {len(pairs)} rows with two numbers; it takes two or more")
    xs, ys = zip(*pairs)
    try:
        line = statistics.linear_regression(xs, ys)
        return Correlation(len(pairs), statistics.correlation(xs, ys), line.slope, line.intercept)
    except statistics.StatisticsError as error:
        raise ToolError(f"`{x}` or `{y}` is the same in all rows: {error}") from error


class Changed(TypedDict):
    key: str
    column: str
    before: str
    after: str


@dataclass
class Comparison:
    #: by their keys
    added: list[str]
    removed: list[str]
    changed: list[Changed]
    unchanged: int
    #: whether there is more of one of these than is told
    truncated: bool
    columns_added: list[str]
    columns_removed: list[str]


@tool(read_only=True, idempotent=True)
def compare_tables(before: Csv, after: Csv, key: Annotated[str, "the column that names a row"]) -> Comparison:
    """Finds which rows of a table were added, removed or changed, and in which cells. The
    order of rows and columns doesn't matter."""
    old, new = table.read(before), table.read(after)
    old_rows, new_rows = _by_key(old, key), _by_key(new, key)
    shared = [name for name in new.columns if name in old.columns]
    places = [(name, old.place(name), new.place(name)) for name in shared]
    kept = [name for name in new_rows if name in old_rows]
    cells = [
        Changed(key=name, column=column, before=old_rows[name][was], after=new_rows[name][now])
        for name in kept
        for column, was, now in places
        if old_rows[name][was] != new_rows[name][now]
    ]
    added = [name for name in new_rows if name not in old_rows]
    removed = [name for name in old_rows if name not in new_rows]
    return Comparison(
        added=added[:ROWS_MAX],
        removed=removed[:ROWS_MAX],
        changed=cells[:ROWS_MAX],
        unchanged=len(kept) - len({cell["key"] for cell in cells}),
        truncated=max(len(added), len(removed), len(cells)) > ROWS_MAX,
        columns_added=[name for name in new.columns if name not in old.columns],
        columns_removed=[name for name in old.columns if name not in new.columns],
    )


def _by_key(whole: Table, key: str) -> dict[str, list[str]]:
    place = whole.place(key)
    rows = {row[place]: row for row in whole.rows}
    if len(rows) < len(whole.rows):
        raise ToolError(f"two rows have the same `{key}`: it doesn't name a row")
    return rows


@tool(read_only=True, idempotent=True)
def diff(before: str, after: str, context: Annotated[int, Field("lines around", minimum=0, maximum=20)] = 3) -> str:
    """Shows which lines of a text changed, as `diff -u` does; nothing if none did."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > LINES_MAX:
        raise ToolError(f"a text has {max(len(old), len(new))} lines, of {LINES_MAX} that it may have")
    return "\n".join(difflib.unified_diff(old, new, "before", "after", n=context, lineterm=""))


@dataclass
class Days:
    days: int
    weekdays: int
    #: weekdays that are no holidays
    workdays: int
    weeks: float
    start: str
    end: str


@tool(read_only=True, idempotent=True)
def days(
    start: date,
    end: Annotated[date, "not counted itself"],
    holidays: Annotated[list[date], "days off, beside Saturdays and Sundays"] = [],
) -> Days:
    """Counts the days from one date to another, with and without weekends and holidays,
    and says which days of the week they are."""
    if end < start:
        raise ToolError(f"{end} is before {start}")
    length = (end - start).days
    if length > DAYS_MAX:
        raise ToolError(f"these are {length} days; no more than {DAYS_MAX} are counted")
    between = [start + timedelta(days=number) for number in range(length)]
    weekdays = [one for one in between if one.weekday() < 5]
    off = set(holidays)
    return Days(
        days=length,
        weekdays=len(weekdays),
        workdays=sum(one not in off for one in weekdays),
        weeks=length / 7,
        start=start.strftime("%A"),
        end=end.strftime("%A"),
    )


#: what the figures of a column mean, for who has to explain them
TERMS = {
    "mean": "The sum of all values, divided by how many there are. One extreme value moves it.",
    "median": "Half of the values are below it, and half above. Extreme values don't move it.",
    "deviation": "How far values are from their mean, as a rule: the standard deviation of a sample.",
    "quartiles": "Three cuts between four parts of the same size: the second one is the median.",
    "correlation": "From -1 to 1: how well a line describes two columns. It is no cause.",
}


@resource("tables://terms", mime_type="text/markdown")
def terms() -> str:
    """What the figures mean."""
    return "\n".join(f"- **{name}**: {words}" for name, words in TERMS.items())


@resource("tables://terms/{name}", name="term", mime_type="text/plain")
def term(name: str) -> str:
    """What one figure means."""
    if name not in TERMS:
        raise NotFound(f"there is no figure `{name}`; there are {', '.join(TERMS)}")
    return TERMS[name]


@completion("name", resource="tables://terms/{name}")
def names(value: str) -> list[str]:
    return [name for name in TERMS if name.startswith(value)]


@prompt
def report(csv: Annotated[str, "the table, as CSV"], question: str = "What stands out?") -> list[Message]:
    """Has a table explained, with figures that were reckoned and not guessed."""
    columns = ", ".join(table.read(csv).columns)
    return [
        Message(
            f"{question}\n\nAnswer from the table below; its columns are {columns}. Take each figure from "
            "the tools `summarize` and `correlate`, and say which of them you used. Say what the "
            "table can't tell."
        ),
        Message(csv),
    ]
