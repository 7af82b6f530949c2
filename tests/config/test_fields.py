"""Every type of setting: what it takes, what it refuses, and in which words."""

import pytest

from tests.config.files import ACME, ADA, KEY, assert_refused, document, load_text

WRONG = [
    # numbers
    ("server: {port: »70000}", "server.port: must be a whole number from 0 to 65,535"),
    ("server: {port: »-1}", "from 0 to 65,535"),
    ("server: {port: »true}", "must be a whole number"),
    ("server: {port: »80.0}", "must be a whole number"),
    ("server: {port: »0x1F90}", "must be a whole number"),
    ("server: {port: »0644}", "must be a whole number"),
    ("server: {port: »1:20}", "must be a whole number"),
    ("server: {port: »[80]}", "must be a whole number"),
    ("server: {port: »''}", "must be a whole number"),
    ("server: {workers: »0}", "server.workers: must be a whole number from 1 to 64"),
    ("server: {workers: »65}", "from 1 to 64"),
    ("admin: {port: »-1}", "admin.port: must be a whole number from 0 to 65,535"),
    ("admin: {host: »'a b'}", "admin.host: must be an IP address or a host name"),
    ("server: {max_body_bytes: »12}", "from 1,024 to"),
    ("server: {max_body_memory: »0}", "server.max_body_memory: must be a whole number from 1,024 to"),
    ("server: {max_body_bytes: 2048, max_body_memory: »2047}", "server.max_body_memory: is below max_body_bytes"),
    ("server: »{max_body_bytes: 300_000_000}", "server.max_body_memory: is below max_body_bytes"),
    ("server: {drain_seconds: »1h}", "must be a whole number"),
    ("server: {header_seconds: »0}", "must be a number of seconds, above 0"),
    ("server: {body_seconds: »-1}", "must be a number of seconds, above 0"),
    ("server: {keepalive_seconds: »never}", "must be a number of seconds, above 0"),
    ("server: {max_connections: »0}", "must be a whole number from 1 to 1,000,000"),
    ("server: {max_in_flight: »-1}", "must be a whole number from 1 to 1,000,000"),
    ("server: {allowed_hosts: [»'*']}", "server.allowed_hosts.0: must be a host name or an address, without a port"),
    ("server: {allowed_hosts: [»'a:80']}", "must be a host name or an address, without a port"),
    ("server: {allowed_hosts: [»'https://a']}", "must be a host name or an address, without a port"),
    ("quotas: {daily: »-2}", "quotas.daily: must be -1 (unlimited), 0 (blocked) or a whole number up to 10^12"),
    ("quotas: {daily: »1000000000001}", "up to 10^12"),
    ("quotas: {daily: »12_34}", "up to 10^12"),
    ("quotas: {daily: »" + "9" * 5000 + "}", "up to 10^12"),
    ("quotas: {daily: ».inf}", "up to 10^12"),
    ("ledger: {weights: {input: »-1}}", "ledger.weights.input: must be a number from 0 to 1,000"),
    ("ledger: {weights: {input: »0.1234567}}", "at most 6 decimals"),
    ("ledger: {weights: {input: »nan}}", "must be a number"),
    ("ledger: {weights: {input: »1e2}}", "must be a number"),
    ("ledger: {lease_seconds: »0}", "from 1 to 3,600"),
    ("ledger: {tranche_tokens: »0}", "from 1 to"),
    ("providers: {demo: {dialect: demo, models: {demo: {max_output_tokens: »0}}}}", "max_output_tokens: must be"),
    ("providers: {demo: {dialect: demo, models: {demo: {}}, timeouts: {connect: »0}}}", "a number of seconds, above 0"),
    ("store: {retention_days: »4000}", "from 1 to 3,650"),
    # words
    ("store: {allow_volatile: »maybe}", "must be true or false"),
    ("store: {allow_volatile: »1}", "must be true or false"),
    ("ledger: {enforcement: »harsh}", "must be hard, soft or shadow"),
    ("purposes: {QA: {category: »chatter}}", "must be chat, knowledge_doc_indexing,"),
    ("timezone: »Mars/Olympus", "must be the name of an IANA time zone"),
    ("timezone: »../../etc/passwd", "must be the name of an IANA time zone"),
    ("timezone: »America", "must be the name of an IANA time zone"),
    ("timezone: »''", "must be the name of an IANA time zone"),
    ("companies: [{id: »acme, name: acme}]", "companies.0.id: must be a GUID"),
    ("agents: [{id: »66666666, name: bot, company: acme}]", "agents.0.id: must be a GUID"),
    ("agents: [{id: 66666666-6666-4666-8666-666666666666, name: »a|b, company: acme}]", "must be 1 to 64 letters"),
    (f"users: [{{id: {ADA}, name: »{ACME}, company: acme}}]", "must not be a GUID"),
    ('purposes: {QA: {description: »"a\\nb"}}', "must be one line"),
    ("store: {url: »mysql://localhost/1}", "must be `embedded`, redis://"),
    ('store: {data_dir: »""}', "must be a file path"),
    ("server: {host: »'a b'}", "must be an IP address or a host name"),
    ("keys: [{name: »a b, key: a-perfectly-fine-key, company: acme}]", "keys.0.name: must be 1 to 64 letters, digits"),
    ("keys: [{name: a, key: »short, company: acme}]", "must be 16 to 512 letters"),
    ("keys: [{name: a, key: »a/key/with/slashes/in, company: acme}]", "must be 16 to 512 letters"),
    ("keys: [{name: a, sha256: »abc, company: acme}]", "must be a SHA-256 in 64 hexadecimal digits"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, role: »root}}]", "must be user, company_admin or admin"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, expires: »tomorrow}}]", "must be an ISO 8601 date or time"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, expires: »2030-02-30}}]", "must be an ISO 8601 date or time"),
    # shapes
    ("server: »[]", "server: must be a mapping of settings"),
    ("providers: »{}", "providers: must not be empty"),
    ("providers: »[]", "providers: must be a mapping"),
    ("companies: »acme", "companies: must be a list"),
    ("users: [»ada]", "users.0: must be a mapping of settings"),
    ("purposes: {»'Q A': {}}", "purposes.Q A: must be 1 to 64 letters"),
    (f"keys: [{{name: a, key: {KEY}, company: acme, purposes: »QA}}]", "keys.0.purposes: must be a list"),
    ("server: {cors_origins: [»'*']}", "server.cors_origins.0: must be an origin as browsers send it"),
    # unknown and missing
    ("»colour: blue", "colour: is no setting; here may stand: server, admin, store, timezone"),
    ("server: {»worker: 4}", "server.worker: is no setting; here may stand: host, port, workers"),
    ("»administration: {port: 8081}", "administration: is no setting"),
    ("store: {»failure: closed}", "store.failure: is no setting"),
    ("store: {on_failure: »sometimes}", "must be closed, grace or open"),
    ("providers: {demo: {dialect: demo, models: {demo: {»max_tokens: 5}}}}", "max_output_tokens, reasoning"),
    ("purposes: {QA: {»imports: true}}", "here may stand: description, category, deep_thought, import"),
    ("providers: {demo: »{models: {demo: {}}}}", "providers.demo.dialect: is required"),
    ("companies: [»{name: acme}]", "companies.0.id: is required"),
]


@pytest.mark.parametrize(("section", "fragment"), WRONG, ids=[f"{i}" for i in range(len(WRONG))])
def test_wrong_setting_has_a_place_and_plain_words(section: str, fragment: str) -> None:
    """A wrong setting is refused at its own line and column, in words that say what is allowed."""
    assert_refused(section, fragment)


@pytest.mark.parametrize("text", ["no", "12:30", "010", "1e3", "on", "null-ish", "1.5", "2030-01-01", "'true'"])
def test_text_stays_text(text: str) -> None:
    """A text that YAML 1.1 would take for a boolean, a number or a date is the one that was written."""
    config = load_text(document(f"purposes: {{QA: {{description: {text}}}}}"))
    assert config.purposes["QA"].description == text.strip("'")


def test_names_and_codes_are_no_booleans() -> None:
    """Someone called No, and a purpose called 12:30, are what they are called, where they are named and referred to."""
    users = f"users: [{{id: {ADA}, name: no, company: acme}}]"
    config = load_text(
        document(
            users,
            "purposes: {12:30: {}, on: {}}",
            "default_purpose: 12:30",
            f"keys: [{{name: y, key: {KEY}, company: acme, user: no, purposes: [on]}}]",
        )
    )
    assert (config.keys[0].name, config.keys[0].user_id, config.keys[0].purposes) == ("y", ADA, ("on",))
    assert config.default_purpose == "12:30"


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), ("yes", True), ("on", True), ("false", False), ("no", False), ("OFF", False)],
)
def test_switch_takes_the_usual_words(text: str, value: bool) -> None:
    """Where a setting is a switch, and only there, the usual words are booleans."""
    config = load_text(document(f"store: {{allow_volatile: {text}}}"))
    assert config.store.allow_volatile is value


@pytest.mark.parametrize(
    ("text", "value"), [("-1", -1), ("0", 0), ("1_000_000", 10**6), ("'5'", 5), ("10" * 6, int("10" * 6))]
)
def test_whole_numbers_are_decimal(text: str, value: int) -> None:
    """A whole number is written in decimal digits, grouped by underscores at will."""
    assert load_text(document(f"quotas: {{daily: {text}}}")).quotas.daily == value


@pytest.mark.parametrize(
    ("text", "micros"), [("1", 10**6), ("0", 0), ("0.1", 100_000), ("1.000001", 1_000_001), ("1000", 10**9)]
)
def test_weights_are_exact_millionths(text: str, micros: int) -> None:
    """A decimal becomes millionths exactly, with no binary fraction on the way."""
    assert load_text(document(f"ledger: {{weights: {{cache_read: {text}}}}}")).ledger.weights.cache_read == micros


@pytest.mark.parametrize(
    ("text", "expires_at_ms"),
    [
        ("1970-01-02", 86_400_000),
        ("1970-01-01T00:00:01", 1_000),
        ("1970-01-01 00:00:01Z", 1_000),
        ("1970-01-01T02:00:00+02:00", 0),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000),
    ],
)
def test_expiry_is_utc(text: str, expires_at_ms: int) -> None:
    """A date is its first instant in UTC, a time without an offset is UTC."""
    config = load_text(document(f"keys: [{{name: a, key: {KEY}, company: acme, expires: {text}}}]"))
    assert config.keys[0].expires_at_ms == expires_at_ms


@pytest.mark.parametrize("text", [ACME.upper(), ACME.replace("-", ""), f"'{{{ACME}}}'"])
def test_guid_has_one_spelling(text: str) -> None:
    """A GUID in any spelling becomes the lower-case one with hyphens."""
    assert list(load_text(document(f"companies: [{{id: {text}, name: acme}}]")).companies) == [ACME]
