"""What `gateway usage` prints."""

import csv
import io
import json
from datetime import date

from gateway.cli.used import Report, as_csv, as_json, as_table, lines_of
from gateway.model import Budget, Company, Enforcement, Level, Rolling, RollingBudget, Scope, Unit
from gateway.usage import By, Counts

COMPANY = Company("11111111-1111-4111-8111-111111111111", "acme", RollingBudget(1000, 30), "UTC")
ADA = "22222222-2222-4222-8222-222222222222"
SUMS = {
    ("2026-01-02", ADA): Counts(input=10, output=20, cache_read=3, reasoning=4, requests=2, estimated=5, weighted=30),
    ("2026-01-01", ""): Counts(input=1, output=1, requests=1, weighted=2),
    ("2026-01-02", "=cmd|' /C calc'!A0"): Counts(input=1000, output=0, requests=1, weighted=1000),
}


def _report(by: tuple[By, ...] = (By.DAY, By.USER), limit: int = 1000, sums=SUMS) -> Report:
    budget = Budget(
        id="company@30d",
        name="company",
        scope=Scope.COMPANY,
        subject="c",
        unit=Unit.TOKENS,
        window=Rolling(30),
        limit=limit,
        enforcement=Enforcement.HARD,
    )
    level = Level(budget, limit, 632, 8, 1_767_225_600_000)
    return Report(COMPANY, level, date(2026, 1, 1), date(2026, 1, 30), by, lines_of(sums, by, {ADA: "ada"}))


def test_a_table_begins_with_the_budget_and_ends_with_the_sum() -> None:
    """Days in order, within a day the largest first; users by name, nobody as a dash."""
    assert as_table(_report()).splitlines() == [
        "acme: 1,000 tokens in any 30 days; 632 used, 8 held, 360 remaining; the oldest leave at 2026-01-01T00:00:00Z",
        "Used from 2026-01-01 to 2026-01-30 (UTC), in tokens:",
        "",
        "  day          user                 requests   prompt   completion   cached   reasoning   estimated   charged",
        "  2026-01-01   -                           1        1            1        0           0           0         2",
        "  2026-01-02   =cmd|' /C calc'!A0          1    1,000            0        0           0           0     1,000",
        "  2026-01-02   ada                         2       10           20        3           4           5        30",
        "  all                                      4    1,011           21        3           4           5     1,032",
    ]


def test_nothing_used_is_said() -> None:
    """An empty report is words, not an empty table; an unlimited budget has nothing remaining to tell."""
    output = as_table(_report(limit=-1, sums={}))
    assert output.splitlines()[0].startswith("acme: unlimited tokens in any 30 days; 632 used, 8 held; the oldest")
    assert output.endswith("in tokens:\n  nothing\n")


def test_json_holds_the_level_and_ids_with_names() -> None:
    """Programs get the numbers that /v1/budget shows, and users by id."""
    document = json.loads(as_json(_report()))
    assert document["company"] == {"id": COMPANY.id, "name": "acme"}
    assert document["budget"]["remaining"] == 360
    assert (document["from"], document["to"]) == ("2026-01-01", "2026-01-30")
    assert document["data"][2] == {
        "day": "2026-01-02",
        "user": ADA,
        "user_name": "ada",
        "requests": 2,
        "prompt": 10,
        "completion": 20,
        "cached": 3,
        "reasoning": 4,
        "estimated": 5,
        "charged": 30,
    }


def test_csv_is_read_back_as_it_was() -> None:
    """A header, a row a line, numbers as digits; a formula gets a quote before it."""
    header, first, second, third = csv.reader(io.StringIO(as_csv(_report()), newline=""))
    assert header[:3] == ["day", "user", "requests"]
    assert first == ["2026-01-01", "", "1", "1", "1", "0", "0", "0", "2"]
    assert second[1] == "'=cmd|' /C calc'!A0"
    assert third[1] == "ada"


def test_without_days_the_largest_comes_first() -> None:
    """The reader looks for who spends most."""
    sums = {("small",): Counts(weighted=1), ("large",): Counts(weighted=9), ("also",): Counts(weighted=1)}
    assert [line.group[0] for line in lines_of(sums, (By.MODEL,), {})] == ["large", "also", "small"]
