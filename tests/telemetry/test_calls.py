"""The one line of each call: who, what, how much, how it ended."""

import pytest
from structlog.testing import capture_logs

from gateway.model import Agent, Caller, Company, Key, RollingBudget, Usage, User
from gateway.telemetry import CallRecord, call_log

COMPANY_ID = "11111111-1111-4111-8111-111111111111"
CALLER = Caller(
    Key("ada-laptop", "0" * 64, "sk-...abcd", company_id=COMPANY_ID),
    Company(COMPANY_ID, "acme", RollingBudget(1, 30), "UTC"),
    User("22222222-2222-4222-8222-222222222222", "ada", COMPANY_ID),
    Agent("33333333-3333-4333-8333-333333333333", "helpdesk", COMPANY_ID),
)


def written(record: CallRecord) -> dict[str, object]:
    """Give the one line that a call leaves."""
    with capture_logs() as lines:
        call_log(record)
    (line,) = lines
    return line


def test_a_finished_call() -> None:
    """An answered call says who, what, its tokens and how long it took, people by their names."""
    record = CallRecord(
        request_id="01ARZ", status=200, outcome="answered", duration_ms=12.345, endpoint="chat", stream=True,
        caller=CALLER, provider="openai", model="gpt-4o-mini", purpose="QA",
        estimate_tokens=120, held_tokens=2168, overrun_tokens=0, usage=Usage(100, 50, estimated=True),
    )  # fmt: skip
    assert written(record) == {
        "event": "call", "log_level": "info", "request_id": "01ARZ", "status": 200, "outcome": "answered", "ms": 12.3,
        "endpoint": "chat", "stream": True, "company": "acme", "user": "ada", "key": "ada-laptop", "agent": "helpdesk",
        "provider": "openai", "model": "gpt-4o-mini", "purpose": "QA", "input_tokens": 100, "output_tokens": 50,
        "estimated": True, "estimate_tokens": 120, "held_tokens": 2168, "overrun_tokens": 0,
    }  # fmt: skip


@pytest.mark.parametrize("caller", [None, Caller(Key("ops", "0" * 64, "sk-...wxyz"))])
def test_a_call_that_did_not_get_far(caller: Caller | None) -> None:
    """What is not known is left out; a zero is known."""
    line = written(
        CallRecord(request_id="x", status=401, outcome="refused", duration_ms=0.04, caller=caller, held_tokens=0)
    )
    assert line.pop("key", None) == (caller and "ops")
    assert line == {
        "event": "call", "log_level": "info", "request_id": "x", "status": 401, "outcome": "refused", "ms": 0.0,
        "stream": False, "held_tokens": 0,
    }  # fmt: skip
