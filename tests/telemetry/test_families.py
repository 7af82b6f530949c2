"""The table of metrics: what the documents say, and what Prometheus' own linter would want of the names."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.telemetry.families import COUNTED, FAMILIES, Family, Kind

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(gateway_\w+)` \| (\w+) \| (.+?) \| (.+) \| (.+) \|$", re.MULTILINE)
# promlint's: https://github.com/prometheus/client_golang/tree/main/prometheus/testutil/promlint/validations
ABBREVIATIONS = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"}
NOT_BASE_UNITS = {"milliseconds", "minutes", "hours", "days", "percent", "kilobytes", "megabytes", "bits"}
BASE_UNITS = {"seconds", "tokens", "calls", "charges", "operations", "ratio"}


def test_the_document_says_what_the_table_says() -> None:
    """docs/metrics.md has a row for each metric, with its kind, labels, meaning and unit, and for no other."""
    rows = ROW.findall((ROOT / "docs/metrics.md").read_text("utf-8"))
    assert rows == [
        (one.name, one.kind.value, ", ".join(f"`{label}`" for label in one.labels) or "-", one.help, one.unit)
        for one in FAMILIES
    ]


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_a_name_is_one_that_prometheus_recommends(family: Family) -> None:
    """Lower case, no colon, no type and no abbreviated or derived unit in it; only counters end in `_total`."""
    assert re.fullmatch(r"gateway(_[a-z]+)+", family.name)
    words = set(family.name.split("_"))
    assert words.isdisjoint(ABBREVIATIONS | NOT_BASE_UNITS | set(Kind))
    assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
    assert not family.name.endswith(("_count", "_sum", "_bucket", "_created"))
    if family.name.endswith("_info"):
        assert family.kind is Kind.GAUGE


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_a_metric_explains_itself(family: Family) -> None:
    """It has a sentence, and labels that the format does not reserve; a histogram has rising bounds and a unit."""
    assert re.fullmatch(r"[A-Z0-9].*[.]", family.help)
    assert {"le", "quantile", "job", "instance"}.isdisjoint(family.labels)
    assert all(re.fullmatch(r"[a-z]+", label) for label in family.labels)
    assert (family.kind is Kind.HISTOGRAM) == bool(family.buckets)
    assert list(family.buckets) == sorted(set(family.buckets))
    if family.kind is Kind.HISTOGRAM:
        assert family.name.endswith(f"_{family.unit}")
        assert family.unit in BASE_UNITS


def test_a_name_stands_for_one_metric() -> None:
    """No two metrics share a name, and every one that a process counts is in the table."""
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    assert set(COUNTED) < set(FAMILIES)


def test_counting_tokens_brings_no_metrics_along() -> None:
    """What is loaded before workers fork does not decide, for all of them, where their values live."""
    code = "import sys, gateway.tokens; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
