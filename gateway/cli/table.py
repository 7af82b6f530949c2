"""Owns columns: rows of text in, aligned lines out. Pure."""

from collections.abc import Sequence

GAP = "   "


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[str] = (), indent: str = ""
) -> str:
    """Give a table as lines, its columns as wide as they need to be; those named in `numbers` stand to the right."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(indent + _line(line, header, widths, numbers) for line in lines)


def _line(cells: Sequence[str], header: Sequence[str], widths: Sequence[int], numbers: Sequence[str]) -> str:
    padded = (
        cell.rjust(width) if name in numbers else cell.ljust(width)
        for cell, name, width in zip(cells, header, widths, strict=True)
    )
    return GAP.join(padded).rstrip()
