"""Owns which metrics there are: each one's name, kind, labels, unit and meaning, in one table.

The rule that matters: a label's values come from the configuration or from the program, never from a request's text.
docs/metrics.md says the same, and a test holds the two together.
"""

from gateway.telemetry.family import Across, Family, Kind
from gateway.telemetry.outages import OUTAGES
from gateway.telemetry.slicing import SLICING, SPANNING

__all__ = ["COUNTED", "FAMILIES", "SCRAPED", "SPANNING", "SUPERVISED", "Across", "Family", "Kind"]

_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_STORE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_BATCH_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_RATIOS = (0.5, 0.9, 0.99, 1.01, 1.1, 1.25, 1.5, 2.0, 4.0)


CALLS = Family(
    "gateway_calls_total",
    Kind.COUNTER,
    ("provider", "model", "purpose", "endpoint", "outcome"),
    "calls",
    "Calls that ended, refused ones included; a label is empty where a call did not get so far.",
)
CALL_SECONDS = Family(
    "gateway_call_duration_seconds",
    Kind.HISTOGRAM,
    ("endpoint",),
    "seconds",
    "How long calls took that budgets let through, from the request to the end of the answer.",
    _CALL_SECONDS,
)
FIRST_BYTE_SECONDS = Family(
    "gateway_first_byte_seconds",
    Kind.HISTOGRAM,
    ("provider",),
    "seconds",
    "How long providers took until their answer began.",
    _CALL_SECONDS,
)
TOKENS = Family(
    "gateway_tokens_total",
    Kind.COUNTER,
    ("provider", "model", "purpose", "class"),
    "tokens",
    "Tokens charged, unweighted; the classes are disjoint, so that their sum is what was used.",
)
OVERRUN_TOKENS = Family(
    "gateway_overrun_tokens_total",
    Kind.COUNTER,
    ("provider", "model"),
    "tokens",
    "Tokens that calls used beyond what was held for them.",
)
REFUSALS = Family(
    "gateway_refusals_total",
    Kind.COUNTER,
    ("budget", "reason"),
    "calls",
    "Calls that a budget refused.",
)
ESTIMATED = Family(
    "gateway_calls_estimated_total",
    Kind.COUNTER,
    ("provider", "model", "reason"),
    "calls",
    "Calls charged by our own count, because the provider's was not there or not whole.",
)
UNCHARGED = Family(
    "gateway_calls_uncharged_total",
    Kind.COUNTER,
    ("provider", "model", "reason"),
    "calls",
    "Calls that budgets let through and that cost nothing: the provider refused them or was not reached.",
)
CHARGES_LOST = Family(
    "gateway_charges_lost_total",
    Kind.COUNTER,
    (),
    "charges",
    "Charges that did not reach the store: what was used is not counted in any budget.",
)
WARNINGS = Family(
    "gateway_budget_warnings_total",
    Kind.COUNTER,
    ("budget", "threshold"),
    "warnings",
    "How often a budget passed a warning threshold (a percentage of its limit).",
)
WEBHOOK_POSTS = Family(
    "gateway_webhook_posts_total",
    Kind.COUNTER,
    ("outcome",),
    "posts",
    "What became of warnings' posts to the webhook; failed ones are repeated for a day.",
)
TURNED_AWAY = Family(
    "gateway_turned_away_total",
    Kind.COUNTER,
    ("reason",),
    "connections and requests",
    "Connections and requests ended to protect the gateway: too many, too slow, without a good key, for another host.",
)
HOLDS = Family(
    "gateway_holds_open",
    Kind.GAUGE,
    (),
    "holds",
    "Calls in flight that have tokens set aside.",
)
STORE_SECONDS = Family(
    "gateway_store_call_duration_seconds",
    Kind.HISTOGRAM,
    (),
    "seconds",
    "How long the store took to answer a batch of ledger operations.",
    _STORE_SECONDS,
)
BATCH_SIZE = Family(
    "gateway_store_batch_operations",
    Kind.HISTOGRAM,
    (),
    "operations",
    "How many ledger operations travelled in one call to the store.",
    _BATCH_SIZES,
)
LAG_SECONDS = Family(
    "gateway_loop_lag_seconds",
    Kind.HISTOGRAM,
    (),
    "seconds",
    "How much later than asked the event loop came back.",
    _LAG_SECONDS,
)
LAG_MAX_SECONDS = Family(
    "gateway_loop_lag_max_seconds",
    Kind.GAUGE,
    (),
    "seconds",
    "The longest such lag of the last minute, in the slowest worker.",
    across=Across.LARGEST,
)
ESTIMATE_RATIO = Family(
    "gateway_estimate_ratio",
    Kind.HISTOGRAM,
    ("provider", "model"),
    "ratio",
    "Prompt tokens that we counted, for one that the provider reports: under 1 is too few.",
    _RATIOS,
)
CORRECTION = Family(
    "gateway_estimate_correction_ratio",
    Kind.GAUGE,
    ("provider", "model"),
    "ratio",
    "What counts of prompts are multiplied by, as learned from what the provider reports.",
    across=Across.LARGEST,
)
GENERATION = Family(
    "gateway_config_generation",
    Kind.GAUGE,
    (),
    "generation",
    "The oldest configuration that some worker still serves: the first is 1, each reload adds 1.",
    across=Across.SMALLEST,
)
WORKERS = Family(
    "gateway_workers",
    Kind.GAUGE,
    (),
    "processes",
    "Workers that run.",
    across=Across.LARGEST,
)
RESTARTS = Family(
    "gateway_worker_restarts_total",
    Kind.COUNTER,
    (),
    "restarts",
    "Workers that ended by themselves or hung, and were replaced.",
)
REFUSED = Family(
    "gateway_config_refused",
    Kind.GAUGE,
    (),
    "0 or 1",
    "Whether the file is wrong, or some worker could not take it over, so that an older configuration goes on.",
    across=Across.LARGEST,
)
STORE_UP = Family(
    "gateway_store_up",
    Kind.GAUGE,
    (),
    "0 or 1",
    "Whether the whole store took what calls bring, asked at this scrape.",
)
BUDGET_USED = Family(
    "gateway_budget_used",
    Kind.GAUGE,
    ("company", "budget", "unit", "window"),
    "the label unit",
    "What a company's budget has charged in its window.",
)
BUDGET_HELD = Family(
    "gateway_budget_held",
    Kind.GAUGE,
    ("company", "budget", "unit", "window"),
    "the label unit",
    "What calls in flight may still use of a company's budget.",
)
BUDGET_LIMIT = Family(
    "gateway_budget_limit",
    Kind.GAUGE,
    ("company", "budget", "unit", "window"),
    "the label unit",
    "A company's limit, the one set through an API before the file's; +Inf is unlimited, 0 blocked.",
)
LEFT_OUT = Family(
    "gateway_budget_companies_left_out",
    Kind.GAUGE,
    (),
    "companies",
    "Companies whose budgets this scrape does not show: those beyond the first 1,000.",
)
UNREAD = Family(
    "gateway_budget_companies_unread",
    Kind.GAUGE,
    (),
    "companies",
    "Companies whose budgets this scrape could not read, as the store, or their part of it, is away.",
)
WAITING = Family(
    "gateway_budget_warnings_waiting",
    Kind.GAUGE,
    (),
    "warnings",
    "Warnings in the store that wait for the webhook or for another try, of all gateways that share it.",
)
BUILD = Family(
    "gateway_build_info",
    Kind.GAUGE,
    ("version",),
    "always 1",
    "The gateway's version.",
)

TURNED_AWAY_REASONS = ("connections", "in_flight", "headers", "body", "stalled", "host", "keys")
"""The values of that label; all of them are there from the start, so that a rate can be told from the first one on."""

WEBHOOK_OUTCOMES = ("accepted", "failed", "gave_up", "crowded")
"""The same of a post: a warning that was posted for a day in vain, and one that found no room to wait, are lost."""

COUNTED = (
    CALLS,
    CALL_SECONDS,
    FIRST_BYTE_SECONDS,
    TOKENS,
    OVERRUN_TOKENS,
    REFUSALS,
    ESTIMATED,
    UNCHARGED,
    CHARGES_LOST,
    WARNINGS,
    WEBHOOK_POSTS,
    TURNED_AWAY,
    HOLDS,
    STORE_SECONDS,
    BATCH_SIZE,
    LAG_SECONDS,
    LAG_MAX_SECONDS,
    ESTIMATE_RATIO,
    CORRECTION,
    GENERATION,
    *SLICING,
    *OUTAGES,
)
"""What each process that serves calls counts."""

SUPERVISED = (WORKERS, RESTARTS, REFUSED)
"""What the parent of the workers counts."""

SCRAPED = (BUILD, STORE_UP, BUDGET_USED, BUDGET_HELD, BUDGET_LIMIT, *SPANNING, LEFT_OUT, UNREAD, WAITING)
"""What is found out when somebody asks."""

FAMILIES = COUNTED + SUPERVISED + SCRAPED
