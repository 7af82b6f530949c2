"""Usage as rows, as JSON and as CSV. Pure."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.usage import By, Counts
from gateway.usage.cells import neutral

Row = dict[str, Any]


def rows(sums: Mapping[tuple[str, ...], Counts], by: Sequence[By]) -> list[Row]:
    """Give one row a group, in the order of the groups; a part that is nobody is null."""
    return [
        {name.value: part or None for name, part in zip(by, group, strict=True)} | numbers(sums[group])
        for group in sorted(sums)
    ]


def numbers(counts: Counts) -> Row:
    """Give a group's numbers; `estimated_tokens` says how many of the tokens nobody reported."""
    return {
        "requests": counts.requests,
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "cached_tokens": counts.cache_read,
        "reasoning_tokens": counts.reasoning,
        "estimated_tokens": counts.estimated,
        "weighted_tokens": counts.weighted,
    }


def as_csv(found: Sequence[Row], by: Sequence[By]) -> str:
    """Give RFC 4180 text with a header; cells that a spreadsheet would run are made harmless."""
    out = io.StringIO()
    names = [*(name.value for name in by), *numbers(Counts())]
    writer = csv.DictWriter(out, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: neutral(value) for name, value in row.items()} for row in found)
    return out.getvalue()
