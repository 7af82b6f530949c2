"""What a process counts: each call once, tokens in classes that do not overlap, and labels that no request can make."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.model import Usage
from gateway.telemetry.calls import CallRecord
from gateway.telemetry.metrics import MOST_SERIES, PEAK_SECONDS, Metrics, Supervision, token_classes

WHO = {"provider": "openai", "model": "gpt-4o*"}


def record(**more: Any) -> CallRecord:
    """Give the record of an answered call, with changes."""
    values: dict[str, Any] = {
        "request_id": "01ARZ", "status": 200, "outcome": "ok", "duration_ms": 1500.0, "endpoint": "chat",
        "provider": "openai", "model": "gpt-4o-mini", "listed_model": "gpt-4o*", "purpose": "QA",
        "estimate_tokens": 120, "held_tokens": 2168, "overrun_tokens": 0,
    }  # fmt: skip
    return CallRecord(**(values | more))


def refused(**more: Any) -> CallRecord:
    """Give the record of a call that never got a hold."""
    return record(
        **{"status": 429, "outcome": "budget_exceeded", "estimate_tokens": None, "held_tokens": None} | more,
        overrun_tokens=None,
    )


class Reading:
    """What an exposition says, by a sample's name and labels."""

    def __init__(self, metrics: Metrics | Supervision) -> None:
        text = generate_latest(metrics.registry).decode()
        self.families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def of(self, name: str, **labels: str) -> float | None:
        """Give the value of one series; None where there is none."""
        return next((one.value for one in self.samples if one.name == name and one.labels == labels), None)

    def labels(self, name: str) -> list[dict[str, str]]:
        """Give the labels of each series of a name."""
        return [one.labels for one in self.samples if one.name == name]


def after(*records: CallRecord) -> Reading:
    """Count some calls and read."""
    metrics = Metrics()
    for one in records:
        metrics.call_ended(one)
    return Reading(metrics)


# ---------------------------------------------------------------- calls


def test_a_call_is_counted_where_it_belongs() -> None:
    """A finished call counts once, under the configured names; its duration, under its endpoint."""
    read = after(record(), record())
    assert read.of("gateway_calls_total", **WHO, purpose="QA", endpoint="chat", outcome="ok") == 2
    assert read.of("gateway_call_duration_seconds_sum", endpoint="chat") == 3.0
    assert read.of("gateway_call_duration_seconds_bucket", endpoint="chat", le="1.0") == 0
    assert read.of("gateway_call_duration_seconds_bucket", endpoint="chat", le="2.5") == 2


def test_a_call_that_did_not_get_far() -> None:
    """What is not known of a call is an empty label; it has no duration, as nothing was sent."""
    read = after(CallRecord(request_id="x", status=401, outcome="invalid_api_key", duration_ms=0.1, endpoint="chat"))
    nothing = {"provider": "", "model": "", "purpose": ""}
    assert read.of("gateway_calls_total", **nothing, endpoint="chat", outcome="invalid_api_key") == 1
    assert read.labels("gateway_call_duration_seconds_count") == []
    assert read.labels("gateway_tokens_total") == []


@pytest.mark.parametrize("reason", ["rate_limited", "budget_exceeded", "request_exceeds_budget"])
def test_a_refusal_names_its_budget(reason: str) -> None:
    """A call that a budget refused counts under that budget, with why."""
    read = after(refused(outcome=reason, budget="user-daily"))
    assert read.of("gateway_refusals_total", budget="user-daily", reason=reason) == 1
    assert read.of("gateway_calls_total", **WHO, purpose="QA", endpoint="chat", outcome=reason) == 1


def test_a_cut_is_no_refusal() -> None:
    """An answer that had begun and that a budget ended is `cut`, and what was charged for it is an estimate."""
    read = after(record(outcome="budget_exceeded", usage=Usage(10, 5, estimated=True)))
    assert read.labels("gateway_refusals_total") == []
    assert read.of("gateway_calls_total", **WHO, purpose="QA", endpoint="chat", outcome="cut") == 1
    assert read.of("gateway_calls_estimated_total", **WHO, reason="cut") == 1


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("ok", "no_usage"), ("client_left", "client_left"), ("upstream_error", "upstream_error")],
)
def test_why_a_call_was_charged_by_estimate(outcome: str, reason: str) -> None:
    """A provider that reported nothing is told from an answer that did not come to its end."""
    read = after(record(outcome=outcome, usage=Usage(10, 5, estimated=True)))
    assert read.of("gateway_calls_estimated_total", **WHO, reason=reason) == 1


def test_a_reported_usage_is_no_estimate() -> None:
    """A call whose provider reported its usage does not count as estimated, nor as uncharged."""
    read = after(record(usage=Usage(10, 5)))
    assert read.labels("gateway_calls_estimated_total") == read.labels("gateway_calls_uncharged_total") == []


def test_a_call_that_cost_nothing() -> None:
    """A call that was let through and then given back counts as uncharged, with how it ended."""
    read = after(record(status=400, outcome="upstream_refused", released=True))
    assert read.of("gateway_calls_uncharged_total", **WHO, reason="upstream_refused") == 1
    assert read.labels("gateway_tokens_total") == []


def test_the_provider_s_first_byte() -> None:
    """The wait for a provider's first byte counts where it is known."""
    read = after(record(first_byte_ms=250.0), record())
    assert read.of("gateway_first_byte_seconds_sum", provider="openai") == 0.25
    assert read.of("gateway_first_byte_seconds_count", provider="openai") == 1


def test_an_exchange_that_outlives_its_client() -> None:
    """A call whose client has left is told of when its charge is known: once, with its usage and its overrun."""
    metrics = Metrics()
    metrics.call_ended(record(status=499, outcome="client_left", usage=Usage(10, 5), overrun_tokens=3, held_tokens=12))
    read = Reading(metrics)
    assert read.of("gateway_calls_total", **WHO, purpose="QA", endpoint="chat", outcome="client_left") == 1
    assert read.of("gateway_call_duration_seconds_count", endpoint="chat") == 1
    assert read.of("gateway_tokens_total", **WHO, purpose="QA", **{"class": "output"}) == 5
    assert read.of("gateway_overrun_tokens_total", **WHO) == 3


# ---------------------------------------------------------------- tokens


def test_tokens_by_class() -> None:
    """Cached, written and reasoning tokens are taken out of the totals that providers report them in."""
    read = after(record(usage=Usage(100, 50, cache_read_tokens=60, cache_creation_tokens=30, reasoning_tokens=20)))
    found = {
        labels["class"]: read.of("gateway_tokens_total", **labels) for labels in read.labels("gateway_tokens_total")
    }
    assert found == {"input": 10, "cached_input": 60, "cache_write": 30, "output": 30, "reasoning": 20}


def test_a_class_without_tokens_makes_no_series() -> None:
    """A provider without a cache has no series for one."""
    read = after(record(usage=Usage(100, 50)))
    assert sorted(labels["class"] for labels in read.labels("gateway_tokens_total")) == ["input", "output"]


def test_a_nonsensical_usage_fails_no_call() -> None:
    """A provider that reports less than nothing adds nothing."""
    read = after(record(usage=Usage(-5, -7, reasoning_tokens=3), overrun_tokens=-1))
    assert [read.of("gateway_tokens_total", **one) for one in read.labels("gateway_tokens_total")] == []
    assert read.labels("gateway_overrun_tokens_total") == []


_COUNTS = st.integers(min_value=0, max_value=10**9)


@given(_COUNTS, _COUNTS, _COUNTS, _COUNTS, _COUNTS)
def test_the_classes_add_up(given_in: int, given_out: int, read: int, written: int, reasoning: int) -> None:
    """Whatever a provider claims of its parts, no class is negative and their sum is what it says was used."""
    classes = dict(token_classes(Usage(given_in, given_out, read, written, reasoning)))
    assert min(classes.values()) >= 0
    assert sum(classes.values()) == given_in + given_out


# ---------------------------------------------------------------- labels


def test_requests_add_no_series() -> None:
    """A hundred thousand names that clients made up, for models and purposes, add nothing to the first two calls'."""
    metrics = Metrics()
    usage = Usage(10, 5)

    def one(number: int) -> None:
        metrics.call_ended(record(model=f"gpt-4o-{number}", usage=usage))
        # A purpose that is not configured is refused before the call has one.
        metrics.call_ended(
            CallRecord(
                request_id=str(number), status=400, outcome="invalid_request", duration_ms=0.1, endpoint="chat",
                model=None, listed_model=None, purpose=None,
            )
        )  # fmt: skip

    one(0)
    before = len(Reading(metrics).samples)
    for number in range(1, 50_000):
        one(number)
    assert len(Reading(metrics).samples) == before
    assert sum(sample.value for sample in Reading(metrics).samples if sample.name == "gateway_calls_total") == 100_000


def test_a_family_has_an_end() -> None:
    """Should labels grow without end all the same, what is beyond the bound is counted in one series."""
    metrics = Metrics()
    for number in range(MOST_SERIES + 100):
        metrics.warned(f"budget-{number}", 80)
    read = Reading(metrics)
    assert len(read.labels("gateway_budget_warnings_total")) == MOST_SERIES + 1
    assert read.of("gateway_budget_warnings_total", budget="other", threshold="other") == 100


# ---------------------------------------------------------------- the rest


def test_the_store_the_holds_and_the_configuration() -> None:
    """Batches count by how long they took and how much they held; gauges have their last value."""
    metrics = Metrics()
    metrics.store_call(0.002, 3)
    metrics.store_call(0.004, 64)
    metrics.holds(7)
    metrics.holds(5)
    metrics.generation(2)
    metrics.charge_lost()
    read = Reading(metrics)
    assert read.of("gateway_store_call_duration_seconds_count") == 2
    assert read.of("gateway_store_call_duration_seconds_sum") == pytest.approx(0.006)
    assert read.of("gateway_store_batch_operations_bucket", le="4.0") == 1
    assert read.of("gateway_store_batch_operations_sum") == 67
    assert read.of("gateway_holds_open") == 5
    assert read.of("gateway_config_generation") == 2
    assert read.of("gateway_charges_lost_total") == 1


def test_a_peak_is_forgotten() -> None:
    """The longest lag stands for half a minute at least and for a minute at most; the histogram keeps it."""
    now = [0.0]
    metrics = Metrics(clock=lambda: now[0])
    peaks = []
    for at_seconds in (0.0, 0.9 * PEAK_SECONDS, 1.1 * PEAK_SECONDS, 2.2 * PEAK_SECONDS, 9 * PEAK_SECONDS):
        now[0] = at_seconds
        metrics.loop_lag(0.01 if at_seconds else 0.4)
        peaks.append(Reading(metrics).of("gateway_loop_lag_max_seconds"))
    assert peaks == [0.4, 0.4, 0.4, 0.01, 0.01]
    assert Reading(metrics).of("gateway_loop_lag_seconds_bucket", le="0.25") == 4
    assert Reading(metrics).of("gateway_loop_lag_seconds_count") == 5


def test_estimates_beside_reports() -> None:
    """Counts of prompts are compared with the provider's by listed model; a report of nothing says nothing."""
    metrics = Metrics()
    metrics.estimated("openai", "gpt-4o*", 100, 100)
    metrics.estimated("openai", "gpt-4o*", 90, 100)
    metrics.estimated("openai", "gpt-4o*", 90, 0)
    metrics.correction("openai", "gpt-4o*", 1.12)
    read = Reading(metrics)
    assert read.of("gateway_estimate_ratio_sum", **WHO) == pytest.approx(1.9)
    assert read.of("gateway_estimate_ratio_bucket", **WHO, le="0.99") == 1
    assert read.of("gateway_estimate_ratio_count", **WHO) == 2
    assert read.of("gateway_estimate_correction_ratio", **WHO) == 1.12


def test_workers_that_are_replaced() -> None:
    """The parent of the workers counts how many run and how often one was replaced."""
    supervision = Supervision()
    supervision.workers(4)
    supervision.restarted()
    read = Reading(supervision)
    assert (read.of("gateway_workers"), read.of("gateway_worker_restarts_total")) == (4, 1)


def test_nothing_but_what_was_counted_is_exposed() -> None:
    """Every family says what it is and of which type; no series of creation times stands beside it."""
    metrics = Metrics()
    metrics.call_ended(record(usage=Usage(1, 1)))
    read = Reading(metrics)
    assert all(family.documentation and family.type != "unknown" for family in read.families)
    assert [sample.name for sample in read.samples if sample.name.endswith("_created")] == []
