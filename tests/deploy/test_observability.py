"""The alert rules and the dashboard speak of metrics and labels that exist, and the dashboard can be imported."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.telemetry.families import FAMILIES, WEBHOOK_OUTCOMES, WEBHOOK_POSTS, Family, Kind

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
SCRAPES = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text("utf-8"))
BOARD = json.loads((DEPLOY / "grafana/dashboard.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = BOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]

# What expressions may name beside our metrics: PromQL's own words, and what Prometheus itself records of a scrape.
WORDS = {
    "absent", "and", "by", "histogram_quantile", "increase", "last_over_time", "max", "min", "on", "rate",
    "sort_desc", "sum", "up",
}  # fmt: skip
OF_SCRAPES = {"instance", "job"}
SAMPLES: dict[str, Family] = {
    one.name + suffix: one
    for one in FAMILIES
    for suffix in (("_bucket", "_sum", "_count") if one.kind is Kind.HISTOGRAM else ("",))
}
_STRINGS = re.compile(r'"[^"]*"')
_RANGES = re.compile(r"\[[^\]]*\]")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")
_MATCHED = re.compile(r"\bon \(([^)]*)\)")
_SELECTED = re.compile(r"(\w+)\{([^}]*)\}")
_LE = re.compile(r'le="([^"]*)"')


def names(expression: str) -> set[str]:
    """Give the words of an expression that stand for metrics."""
    bare = _SELECTED.sub(r"\1", _MATCHED.sub("", _GROUPED.sub("", _RANGES.sub("", expression))))
    return set(re.findall(r"[a-zA-Z_]\w*", _STRINGS.sub("", bare))) - WORDS


def of_labels(text: str) -> set[str]:
    """Give the labels that a selection or a grouping names."""
    return set(re.findall(r"[a-z]+", _STRINGS.sub("", text)))


def doubts(expression: str) -> Iterator[str]:
    """Give what an expression names and does not exist."""
    found = names(expression)
    yield from (f"no metric {name}" for name in found - set(SAMPLES))
    known = {label for name in found & set(SAMPLES) for label in SAMPLES[name].labels} | {"le"} | OF_SCRAPES
    for grouping in _GROUPED.findall(expression) + _MATCHED.findall(expression):
        yield from (f"no label {label}" for label in of_labels(grouping) - known)
    for name, selection in _SELECTED.findall(expression):
        labels = {*SAMPLES[name].labels, "le"} if name in SAMPLES else OF_SCRAPES
        yield from (f"{name} has no label {label}" for label in of_labels(selection) - labels)
        for bound in _LE.findall(selection):
            if float(bound) not in SAMPLES[name].buckets:
                yield f"{name} has no bucket {bound}"


# ---------------------------------------------------------------- the eyes of these tests


@pytest.mark.parametrize(
    ("expression", "doubt"),
    [
        ("sum(rate(gateway_call_total[5m]))", "no metric gateway_call_total"),
        ("rate(gateway_call_duration_seconds[5m])", "no metric gateway_call_duration_seconds"),
        ('gateway_refusals_total{model="x"}', "gateway_refusals_total has no label model"),
        ("sum by (model) (gateway_refusals_total)", "no label model"),
        ("gateway_store_up and on (model) up == 0", "no label model"),
        ('gateway_estimate_ratio_bucket{le="0.95"}', "gateway_estimate_ratio_bucket has no bucket 0.95"),
    ],
)
def test_a_mistake_is_found(expression: str, doubt: str) -> None:
    """An expression that names what does not exist is refused."""
    assert list(doubts(expression)) == [doubt]


# ---------------------------------------------------------------- alerts


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_can_fire(rule: dict[str, Any]) -> None:
    """It compares metrics that exist, by labels that they have."""
    assert list(doubts(rule["expr"])) == []
    assert re.search(r"[=<>]=? -?[\d.]+$", rule["expr"])
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_says_what_is_wrong(rule: dict[str, Any]) -> None:
    """It has a severity and two sentences, whose labels are those that its expression leaves."""
    assert re.fullmatch(r"Gateway[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    text = f"{rule['annotations']['summary']} {rule['annotations']['description']}"
    groupings = _GROUPED.findall(rule["expr"])
    left = set.intersection(*map(of_labels, groupings)) if groupings else OF_SCRAPES
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= left


def test_alerts_watch_what_matters() -> None:
    """No two alerts share a name; the worst that can happen has one that wakes somebody."""
    by_name = {rule["alert"]: rule for rule in RULES}
    assert len(by_name) == len(RULES)
    critical = {name for rule in RULES if rule["labels"]["severity"] == "critical" for name in names(rule["expr"])}
    assert {
        "gateway_build_info", "gateway_store_up", "gateway_store_breaker_state", "gateway_charges_lost_total",
    } <= critical  # fmt: skip
    watched = {name for rule in RULES for name in names(rule["expr"])}
    assert {
        "gateway_config_refused", "gateway_worker_restarts_total", "gateway_journal_failures_total",
        "gateway_calls_without_store_total", "gateway_webhook_posts_total", "gateway_slice_refusals_total",
        "gateway_budget_companies_unread", "gateway_budget_warnings_waiting",
    } <= watched  # fmt: skip


def test_alerts_select_values_that_exist() -> None:
    """What becomes of a post is one of a few words, and an alert asks for those."""
    asked = [
        value
        for rule in RULES
        for name, selection in _SELECTED.findall(rule["expr"])
        if name == WEBHOOK_POSTS.name
        for value in re.findall(r'outcome=~?"([^"]*)"', selection)[0].split("|")
    ]
    assert sorted(asked) == sorted(set(WEBHOOK_OUTCOMES) - {"accepted"})


def test_prometheus_reads_the_alerts() -> None:
    """The scrape configuration names the rules beside it; they ask for no job, which is elsewhere called otherwise."""
    assert [(DEPLOY / "prometheus" / name).exists() for name in SCRAPES["rule_files"]] == [True]
    (job,) = SCRAPES["scrape_configs"]
    assert [rule["alert"] for rule in RULES if re.search(r"\bjob *[=!]", rule["expr"])] == []
    assert job["metrics_path"] == "/metrics"


# ---------------------------------------------------------------- the dashboard


def expressions(panel: dict[str, Any]) -> list[str]:
    """Give what a panel asks."""
    return [target["expr"] for target in panel["targets"]]


@pytest.mark.parametrize("panel", SHOWN, ids=[panel["title"] for panel in SHOWN])
def test_a_panel_asks_for_what_exists(panel: dict[str, Any]) -> None:
    """It asks the chosen data source for metrics that exist; its legend has labels that its expression leaves."""
    assert panel["type"] in {"stat", "timeseries", "bargauge"}
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert list(doubts(target["expr"])) == []
        assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        groupings = _GROUPED.findall(target["expr"])
        left = set.intersection(*map(of_labels, groupings)) if groupings else set()
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_the_dashboard_can_be_imported() -> None:
    """It has an identity of its own, no database id, and asks for its data source instead of naming one."""
    assert (BOARD["uid"], BOARD["id"], BOARD["title"]) == ("token-budget-gateway", None, "Token-budget gateway")
    assert BOARD["schemaVersion"] >= 39
    variables = {one["name"]: one for one in BOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    used = set(re.findall(r"\$(\w+)", " ".join(one for panel in SHOWN for one in expressions(panel))))
    assert used - {"__rate_interval", "__range"} <= set(variables)
    for one in variables.values():
        for metric, label in re.findall(r"label_values\((\w+), (\w+)\)", one.get("definition", "")):
            assert label in SAMPLES[metric].labels
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_every_metric_is_on_the_dashboard() -> None:
    """Nothing is counted that nobody can look at."""
    asked = {name for panel in SHOWN for expression in expressions(panel) for name in names(expression)}
    assert {SAMPLES[name] for name in asked} == set(FAMILIES)


def test_the_rows_of_the_dashboard() -> None:
    """Its parts are what one asks about, in this order."""
    assert [panel["title"] for panel in PANELS if panel["type"] == "row"] == [
        "Traffic", "Tokens", "Budgets", "Refusals", "Ledger, store and workers", "Estimates",
    ]  # fmt: skip


def test_panels_have_their_place() -> None:
    """No panel covers another, none stands outside the 24 columns."""

    def area(panel: dict[str, Any]) -> tuple[int, int, int, int]:
        place = panel["gridPos"]
        return place["x"], place["y"], place["x"] + place["w"], place["y"] + place["h"]

    assert all(0 <= area(panel)[0] < area(panel)[2] <= 24 for panel in PANELS)
    for one, two in combinations(map(area, PANELS), 2):
        assert one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
