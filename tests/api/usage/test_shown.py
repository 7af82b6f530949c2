"""Usage as rows and CSV; pure."""

import csv
import io

from gateway.api.usage.shown import as_csv, rows
from gateway.usage import By, Counts
from gateway.usage.cells import neutral

SUMS = {("m2", ""): Counts(input=3, requests=1), ("m1", "u"): Counts(input=1, output=2, requests=4, estimated=3)}


def test_rows_stand_in_the_order_of_their_groups() -> None:
    """Each group is a row with the parts it is grouped by; nobody is null."""
    found = rows(SUMS, (By.MODEL, By.USER))
    assert [(row["model"], row["user"], row["requests"]) for row in found] == [("m1", "u", 4), ("m2", None, 1)]
    assert found[0]["completion_tokens"] == 2


def test_csv_is_the_same_rows() -> None:
    """The CSV has the rows' values under the rows' names, with CR LF as RFC 4180 says."""
    found = rows(SUMS, (By.MODEL, By.USER))
    text = as_csv(found, (By.MODEL, By.USER))
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [list(row) for row in read] == [list(row) for row in found]
    assert [row["prompt_tokens"] for row in read] == ["1", "3"]
    assert text.count("\r\n") == 3


def test_no_cell_is_a_formula() -> None:
    """A text that a spreadsheet would run gets a quote before it; numbers and other texts stay."""
    assert [neutral(text) for text in ("=1+1", "+1", "-1", "@x", "\tx", "\rx")] == [
        "'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx",
    ]  # fmt: skip
    assert (neutral("a=1"), neutral(-5), neutral(None)) == ("a=1", -5, None)
    assert "'=cmd" in as_csv(rows({("=cmd",): Counts()}, (By.MODEL,)), (By.MODEL,))
