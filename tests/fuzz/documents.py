"""What people and other programs write: configurations, paths, the queries and bodies of the usage and quota APIs."""

import hmac
import re
from contextlib import suppress
from datetime import UTC, date
from pathlib import Path
from urllib.parse import parse_qs

import msgspec
from hypothesis import strategies as st

from gateway.api.chat_quota import bodies as quota_bodies
from gateway.api.chat_quota import fields as quota_fields
from gateway.api.company_usage import bodies as company_bodies
from gateway.api.company_usage import fields as company_fields
from gateway.api.company_usage import negotiation
from gateway.api.consumption_logs import asked as log_asked
from gateway.api.consumption_logs.results import Result
from gateway.api.credit_bill import asked as bill_asked
from gateway.api.usage import asked as usage_asked
from gateway.app.paths import Paths
from gateway.app.table import TABLE
from gateway.config.load import parse
from gateway.errors import ConfigError, GatewayError
from gateway.model import Budget, Caller, Company, Enforcement, Key, Level, Rolling, RollingBudget, Scope, Unit
from gateway.warnings.events import body_of, encode, event_of
from gateway.warnings.webhook import signature
from tests.cli.configs import TEXT
from tests.cli.running import EXAMPLE
from tests.fuzz.cases import mutated, numbered, read_case

CONFIG_CASES = mutated([TEXT.encode(), EXAMPLE.read_bytes()])
_PATHS = [path.encode() for path in TABLE] + [re.sub(r"\{[^}]*\}", "a%2Fb", path).encode() for path in TABLE]
PATH_CASES = mutated([*_PATHS, b"%2e%2e", b"/..", b"%25", b"//", b";"])
GUID = b"11111111-1111-4111-8111-111111111111"
_QUERIES = [
    b"start=2026-11-01&end=2026-11-21&group_by=model,day&format=csv&company=acme",
    b"start_time=1795219200000&end_time=1795305600000&page=1&page_size=10",
    b"CompanyId=" + GUID + b"&TokensUsed=5&format=xml&jsconfig=eccn",
    b"type=Daily&from=20261101&to=20261121&id=" + GUID,
]
QUERY_CASES = mutated(_QUERIES)
_BODIES = [
    b'{"user_uuid":"' + GUID + b'","daily_limit":5,"monthly_limit":null}',
    b"user_uuid=" + GUID + b"&daily_limit=5",
    b'--x\r\nContent-Disposition: form-data; name="daily_limit"\r\n\r\n5\r\n--x--\r\n',
    b"<RecordUsage><CompanyId>" + GUID + b"</CompanyId><TokensUsed>5</TokensUsed></RecordUsage>",
    b"CompanyId,TokensUsed\r\n" + GUID + b",5\r\n",
    b"{CompanyId:" + GUID + b',TokensUsed:"5"}',
]
BODY_CASES = numbered(mutated(_BODIES))
WEBHOOK_CASES = st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=60)
_KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "text/csv",
    "text/jsv",
)
_ALL_PATHS = Paths(tuple(TABLE))


def config(case: bytes) -> None:
    """Check that a configuration is taken, or refused with a place and words for each problem."""
    problems = None
    try:
        parse(case, Path("config.yaml"), {})
    except ConfigError as error:
        problems = error.problems
    if problems is not None:
        assert problems
        assert all(problem.line >= 0 and problem.column >= 0 and str(problem) for problem in problems)


def path(case: bytes) -> None:
    """Check that a path is nobody's or one of the table's, and no value of it leads elsewhere."""
    raw = case.decode("latin-1")
    found = _ALL_PATHS.find(raw)
    if found is None:
        return
    name, given = found
    assert name in TABLE
    for value in given.values():
        assert not set(value) & set("\0%;\\")
        assert not {".", ".."} & set(value.split("/"))


def query(case: bytes) -> None:
    """Check queries of the usage APIs: what is wrong is a GatewayError, what is read lies within its limits."""
    text = case.decode("latin-1")
    pairs = parse_qs(text, keep_blank_values=True)
    with suppress(GatewayError):
        asked = usage_asked.read(pairs, date(2026, 11, 21))
        assert (asked.end - asked.start).days < usage_asked.MOST_DAYS
    with suppress(GatewayError):
        days = bill_asked.read_range(pairs, UTC, most_days=31)
        assert 0 <= (days.last - days.first).days <= 31
        assert 1 <= bill_asked.read_page(pairs).size <= bill_asked.MOST_PAGE_SIZE
    params = {"type": "", "id": "", **{name: found[-1] for name, found in pairs.items()}}
    with suppress(GatewayError):
        log = log_asked.read_asked(params)
        assert len(log.intervals(date(2026, 1, 1), date(2026, 11, 21))) <= 366
    with suppress(GatewayError):
        assert len(log_asked.read_id(params, Result.CONSUMPTIONLOG_INVALID_TYPE)) == 36
    negotiation.manner("/" + text, text, text)
    with suppress(GatewayError):
        assert 0 <= company_fields.tokens_used(negotiation.query_pairs("?" + text)) <= company_fields.MOST_TOKENS


def body(case: bytes) -> None:
    """Check bodies of the quota and usage APIs, under any media type."""
    one = read_case(case)
    kind = one.choice(0, _KINDS)
    with suppress(GatewayError):
        change = quota_fields.read_change(quota_bodies.decode(kind, one.data))
        assert all(limit is None or -1 <= limit <= quota_fields.MOST_TOKENS for limit in change.limits.values())
    with suppress(GatewayError):
        pairs = list(company_bodies.read_pairs(negotiation.media_type(kind), None, one.data, "RecordUsage"))
        company_id = company_fields.company_id(pairs)
        assert company_id is None or len(company_id) == 36
        assert 0 <= company_fields.tokens_used(pairs) <= company_fields.MOST_TOKENS


def webhook(case: bytes) -> None:
    """Check that, whatever a name is, the body is one JSON object with it, signed as the bytes that are sent."""
    name = case.decode("utf-8", "replace")
    company = Company(GUID.decode(), name, RollingBudget(10, 30), "UTC")
    budget = Budget("b", name, Scope.COMPANY, "c:x", Unit.TOKENS, Rolling(30), 10, Enforcement.HARD)
    event = event_of("id", Caller(Key(name, "0" * 64, "sk-...abcd"), company), Level(budget, 10, 9, 0, 1), 80)
    sent = body_of(encode(event), 1_795_219_200_000)
    read = msgspec.json.decode(sent)
    assert (read["budget"], read["company"]["name"], read["at"]) == (name, name, "2026-11-21T00:00:00Z")
    parts = dict(part.split("=", 1) for part in signature(name, 5, sent).split(","))
    assert parts["v1"] == hmac.new(name.encode(), b"5." + sent, "sha256").hexdigest()
