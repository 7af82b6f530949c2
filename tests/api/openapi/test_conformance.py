"""Schemathesis holds the gateway to its document: whatever it is asked, it answers as it says.

The gateway and its far end are processes of their own. What is asked follows from the document alone: no run differs.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode, checks

from gateway.api.openapi import document
from tests.edge import BOSS_KEY, KEYS, USERS
from tests.end_to_end.serving import Served, configured, serving
from tests.gateways import ADA_KEY, ADMIN_KEY, BACKEND_KEY, PROVIDER_SECRET, Limits
from tests.provider.process import far_end_running

CLAIMS = ("X-Gateway-User", "X-Gateway-Agent")
PEOPLE = (ADA_KEY, BOSS_KEY, ADMIN_KEY, BACKEND_KEY)

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
    checks.unsupported_method,
]
# Not checked: that what fits a schema is accepted, as parameters depend on each other and on who asks.

TRUE_TO_SCHEMA = {"Own", "Credit bill"}
"""Whose requests are refused wherever they break their schema; the clients of the others are met half-way."""

OTHER_NAMES = re.compile(r"/(Get|Record)AiChatUsage")
"""Further names of operations that are tried thoroughly under their own one."""

BUDGETS = """
  - {name: rpm, scope: key, unit: requests, window: {fixed_seconds: 60}, limit: 5000}
  - {name: deep, scope: agent, match: {purpose: DT}, window: {lifetime: true}, limit: 100, enforcement: shadow}
  - {name: at-once, scope: key, unit: in_flight, limit: 100}
"""


@schemathesis.serializer("application/jsv")
def jsv(_context: Any, value: Any) -> bytes:
    """Send a text as it is."""
    return str(value).encode("utf-8", "surrogatepass")


def _operations() -> list[APIOperation]:
    """Give every operation of the document."""
    schema = schemathesis.openapi.from_dict(yaml.safe_load(document()))
    schema.config.generation.update(with_security_parameters=False)
    return [found.ok() for found in schema.get_all_operations()]


OPERATIONS = _operations()
BY_FIRST_NAME = [operation for operation in OPERATIONS if not OTHER_NAMES.search(operation.path)]


def each(operations: list[APIOperation]) -> pytest.MarkDecorator:
    """Run a test for each of some operations."""
    # Schemathesis' own decorator gives all of them one name, and failures are lost where tests run in parallel.
    return pytest.mark.parametrize("operation", operations, ids=lambda operation: operation.label)


def edges(operation: APIOperation) -> Iterator[Case]:
    """Give the cases at the edges of each schema, within and without, and those without what must be there."""
    modes, config = list(GenerationMode), operation.schema.config.generation
    return operation.schema.iter_coverage_cases(operation, generation_modes=modes, generation_config=config)


def draw(operation: APIOperation, most: int, held: Callable[[Case], None]) -> None:
    """Hold some cases of an operation, valid and invalid ones, the same in every run, to what is asserted."""
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))
    quiet = settings(
        max_examples=most, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck]
    )
    quiet(given(cases)(held))()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a gateway of whose own mistakes there are none, whatever it was asked."""
    directory = tmp_path_factory.mktemp("conformance")
    limits = Limits(users=USERS, keys=KEYS, budgets=BUDGETS, company_tokens=10**12)
    with far_end_running(PROVIDER_SECRET) as (port, _):
        server = {"cors_origins": ["https://app.example.com"], "wrong_keys_per_minute": 100_000}
        path = configured(directory, f"http://127.0.0.1:{port}/v1", limits, server=server)
        with serving(path) as served:
            yield served
            log = served.log()
        assert [line for line in log if line["event"] == "unexpected"] == []
        assert not any(key in (directory / "log").read_text("utf-8") for key in PEOPLE)


def ask(case: Case, served: Served, key: str | None) -> int:
    """Send a case with a key and hold the answer to the document; gives its status."""
    if key is not None and "token" in case.path_parameters:
        case.path_parameters["token"] = key
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    held = [*CHECKS, checks.negative_data_rejection] if TRUE_TO_SCHEMA & set(case.operation.tags or ()) else CHECKS
    return int(case.call_and_validate(base_url=served.url, headers=headers, checks=held).status_code)


def own_key(case: Case) -> str:
    """Give the key of one of the people, and take from the case what that key may not claim."""
    asked = (case.path_parameters, case.query, case.headers, case.body)
    key = PEOPLE[crc32(repr(asked).encode("utf-8", "surrogatepass")) % len(PEOPLE)]
    if key is not BACKEND_KEY:
        for name in CLAIMS:
            case.headers.pop(name, None)
    return key


@each(BY_FIRST_NAME)
def test_every_answer_is_as_documented(operation: APIOperation, served: Served) -> None:
    """A user, both kinds of administrators and a service get nothing but what the document says, whatever they send."""

    def held(case: Case) -> None:
        ask(case, served, own_key(case))

    for case in edges(operation):
        held(case)
    draw(operation, 5, held)


@each(OPERATIONS)
def test_who_has_no_key_gets_nothing(operation: APIOperation, served: Served) -> None:
    """Without a key there is 401 wherever the document asks for one, and no other answer is undocumented."""

    def held(case: Case) -> None:
        status = ask(case, served, None)
        assert operation.definition.raw.get("security") == [] or status in {400, 401, 404}

    draw(operation, 2, held)


@each(OPERATIONS)
def test_every_name_of_an_operation_answers(operation: APIOperation, served: Served) -> None:
    """The further names of an operation answer as the first one does."""

    def held(case: Case) -> None:
        ask(case, served, ADMIN_KEY)

    draw(operation, 2, held)
