"""Owns what `gateway usage` prints: sums as a table, as JSON, as CSV. Pure.

The rule that matters: a cell that a spreadsheet would run as a formula does not begin like one (OWASP, CSV injection).
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gateway.cli import words
from gateway.cli.table import table
from gateway.model import Company, Level
from gateway.pipeline.limits import shown
from gateway.usage import By, Counts
from gateway.usage.cells import neutral

_NUMBERS: Mapping[str, Callable[[Counts], int]] = {
    "requests": lambda counts: counts.requests,
    "prompt": lambda counts: counts.input,
    "completion": lambda counts: counts.output,
    "cached": lambda counts: counts.cache_read,
    "reasoning": lambda counts: counts.reasoning,
    "estimated": lambda counts: counts.estimated,
    "charged": lambda counts: counts.weighted,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One group's sums; `names` has what its parts are called, in the order of the grouping."""

    group: tuple[str, ...]
    names: tuple[str, ...]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Report:
    """A company's consumption of `start` to `end` (UTC, both included), and its budget's level now."""

    company: Company
    level: Level
    start: date
    end: date
    by: tuple[By, ...]
    lines: tuple[Line, ...]


def lines_of(
    sums: Mapping[tuple[str, ...], Counts], by: Sequence[By], user_names: Mapping[str, str]
) -> tuple[Line, ...]:
    """Give the sums as lines: by day in the order of days, else the largest first."""
    lines = [
        Line(group, tuple(_name(part, one, user_names) for part, one in zip(group, by, strict=True)), counts)
        for group, counts in sums.items()
    ]
    day = by.index(By.DAY) if By.DAY in by else None
    lines.sort(key=lambda line: ("" if day is None else line.group[day], -line.counts.weighted, line.group))
    return tuple(lines)


def _name(part: str, by: By, user_names: Mapping[str, str]) -> str:
    return user_names.get(part, part) if by is By.USER else part


def as_table(report: Report) -> str:
    """Give the budget's level in a sentence, then a line for each group and their sum."""
    head = [_level(report), f"Used from {report.start} to {report.end} (UTC), in tokens:"]
    if not report.lines:
        return "\n".join([*head, "  nothing", ""])
    total = sum((line.counts for line in report.lines), Counts())
    rows = [(*(name or words.DASH for name in line.names), *_cells(line.counts)) for line in report.lines]
    rows.append(("all", *[""] * (len(report.by) - 1), *_cells(total)))
    header = (*report.by, *_NUMBERS)
    return "\n".join([*head, "", table(header, rows, numbers=tuple(_NUMBERS), indent="  "), ""])


def _cells(counts: Counts) -> list[str]:
    return [f"{number(counts):,}" for number in _NUMBERS.values()]


def _level(report: Report) -> str:
    level, company = report.level, report.company
    limit = words.count_words(level.limit, level.budget.unit, level.budget.window)
    left = "" if level.remaining is None else f", {level.remaining:,} remaining"
    at = "" if level.resets_at_ms is None else f"; the oldest leave at {words.instant_words(level.resets_at_ms)}"
    return f"{company.name}: {limit}; {level.used:,} used, {level.held:,} held{left}{at}"


def as_json(report: Report) -> str:
    """Give everything as one JSON object; users by id, with their names."""
    lines = [
        {
            **{part.value: value for part, value in zip(report.by, line.group, strict=True)},
            **({"user_name": line.names[report.by.index(By.USER)]} if By.USER in report.by else {}),
            **{name: number(line.counts) for name, number in _NUMBERS.items()},
        }
        for line in report.lines
    ]
    document = {
        "company": {"id": report.company.id, "name": report.company.name},
        "budget": shown(report.level),
        "from": report.start.isoformat(),
        "to": report.end.isoformat(),
        "data": lines,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_csv(report: Report) -> str:
    """Give the lines as RFC 4180 has it; users by name."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*(by.value for by in report.by), *_NUMBERS])
    for line in report.lines:
        numbers = [number(line.counts) for number in _NUMBERS.values()]
        writer.writerow([*(neutral(name) for name in line.names), *numbers])
    return out.getvalue()


FORMATS: Mapping[str, Callable[[Report], str]] = {"table": as_table, "json": as_json, "csv": as_csv}
