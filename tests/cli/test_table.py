"""Columns."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.table import GAP, table

CELLS = st.text(st.characters(categories=("L", "N")), max_size=8)


def test_a_table_is_aligned() -> None:
    """Text stands to the left, the named columns to the right, and no line ends with blanks."""
    rows = [("a", "1", "x"), ("long", "1,000", "")]
    assert table(("name", "n", "rest"), rows, numbers=("n",), indent="> ") == (
        "> name       n   rest\n> a          1   x\n> long   1,000"
    )


def test_a_table_without_rows_is_its_header() -> None:
    """Nothing to show is no error."""
    assert table(("a", "b"), []) == "a   b"


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6))
def test_every_cell_starts_in_the_column_of_its_header(rows: list[tuple[str, str, str]]) -> None:
    """Whatever the cells are, a cell is found where its header begins."""
    header, *lines = table(("first", "second", "third"), rows).split("\n")
    at = header.index("second")
    for line, row in zip(lines, rows, strict=True):
        assert line[at:].startswith(row[1])
        assert line[:at].rstrip() == (row[0] + GAP).rstrip()
