"""The tools as functions, on this machine."""

import unittest
from datetime import date

from fusebox import Context, NotFound, ToolError

import table
from plugin import compare_tables, correlate, days, diff, names, report, summarize, term, terms

SALES = """city,day,sold
Bergen,2026-02-27,3
Oslo,2026-03-02,5
Bergen,2026-03-02,
Oslo,2026-03-03,10
"""


class Reading(unittest.TestCase):
    def test_the_header_says_what_separates_cells(self) -> None:
        for separator in table.SEPARATORS:
            text = f"a{separator}b\n1{separator}\"x{separator}y\"\n"
            self.assertEqual(table.read(text).rows, [["1", f"x{separator}y"]])

    def test_what_other_programs_write_is_read(self) -> None:
        self.assertEqual(table.read("\ufeffa,b\r\n1, 2 \r\n\r\n"), table.Table(["a", "b"], [["1", "2"]]))

    def test_what_is_wrong_is_told_with_its_place(self) -> None:
        for text, words in [
            ("\n", "the table is empty"),
            ("a,a\n", "the same name"),
            ("a,b\n1,2\n3\n", "row 2 has 1 cells, and the header 2"),
            ('a,b\n1,"2', "line 2 is no CSV"),
        ]:
            with self.assertRaisesRegex(ToolError, words):
                table.read(text)


class Summing(unittest.TestCase):
    def test_each_kind_of_column_has_its_figures(self) -> None:
        ctx = Context()
        city, day, sold = summarize(SALES, ctx=ctx).columns
        self.assertEqual((city.kind, city.distinct, city.common[0]), ("text", 2, {"value": "Bergen", "count": 2}))
        assert day.dates is not None and sold.numbers is not None
        self.assertEqual((day.dates.first, day.dates.days), (date(2026, 2, 27), 4))
        self.assertEqual((sold.given, sold.missing), (3, 1))
        self.assertEqual((sold.numbers.mean, sold.numbers.median, sold.numbers.total), (6, 5, 18))
        self.assertEqual([done for done, _, _ in ctx.host.reported], [1, 2, 3])

    def test_one_number_has_no_deviation(self) -> None:
        numbers = summarize("a\n7\n").columns[0].numbers
        assert numbers is not None
        self.assertEqual((numbers.deviation, numbers.quartiles, numbers.maximum), (None, [], 7))

    def test_what_looks_like_a_number_and_is_none_is_text(self) -> None:
        self.assertEqual([table.kind([cell]) for cell in ("nan", "1_000", "")], ["text", "text", "empty"])

    def test_a_column_that_is_not_there_is_named_with_those_that_are(self) -> None:
        with self.assertRaisesRegex(ToolError, "no column `town`; there are city, day, sold"):
            summarize(SALES, ["town"])

    def test_a_line_goes_through_points_on_it(self) -> None:
        found = correlate("x,y\n1,3\n2,5\n,9\n3,7\n", "x", "y")
        self.assertEqual((found.pairs, found.slope, found.intercept), (3, 2, 1))
        self.assertAlmostEqual(found.correlation, 1)
        with self.assertRaisesRegex(ToolError, "the same in all rows"):
            correlate("x,y\n1,3\n1,5\n", "x", "y")


class Comparing(unittest.TestCase):
    def test_rows_are_known_by_their_key(self) -> None:
        found = compare_tables("id,a,b\n1,x,p\n2,y,p\n3,z,p\n", "a,id,c\nz,3,q\nY,2,q\nw,4,q\n", "id")
        self.assertEqual((found.added, found.removed, found.unchanged), (["4"], ["1"], 1))
        self.assertEqual(found.changed, [{"key": "2", "column": "a", "before": "y", "after": "Y"}])
        self.assertEqual((found.columns_added, found.columns_removed), (["c"], ["b"]))
        self.assertFalse(found.truncated)

    def test_a_key_names_one_row(self) -> None:
        with self.assertRaisesRegex(ToolError, "two rows have the same `id`"):
            compare_tables("id\n1\n1\n", "id\n1\n", "id")

    def test_lines_that_changed_are_shown(self) -> None:
        self.assertEqual(
            diff("a\nb\nc", "a\nB\nc", 0).splitlines(),
            ["--- before", "+++ after", "@@ -2 +2 @@", "-b", "+B"],
        )
        self.assertEqual(diff("a", "a"), "")


class Counting(unittest.TestCase):
    def test_weekends_and_holidays_are_no_workdays(self) -> None:
        found = days(date(2026, 12, 21), date(2027, 1, 4), [date(2026, 12, 25), date(2026, 12, 26)])
        self.assertEqual((found.days, found.weekdays, found.workdays, found.weeks), (14, 10, 9, 2))
        self.assertEqual((found.start, found.end), ("Monday", "Monday"))

    def test_time_does_not_run_backwards(self) -> None:
        with self.assertRaisesRegex(ToolError, "2026-01-01 is before 2026-01-02"):
            days(date(2026, 1, 2), date(2026, 1, 1))


class Words(unittest.TestCase):
    def test_each_figure_is_explained(self) -> None:
        self.assertIn("**median**", terms())
        self.assertEqual(names("me"), ["mean", "median"])
        self.assertIn("Half of the values", term("median"))
        with self.assertRaises(NotFound):
            term("mode")

    def test_the_prompt_names_the_columns(self) -> None:
        asked = report(SALES)[0].content
        self.assertIn("What stands out?", str(asked))
        self.assertIn("city, day, sold", str(asked))
