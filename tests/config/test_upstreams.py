"""Providers, purposes and prices."""

import ssl
from pathlib import Path

import pytest

from gateway.config import load
from gateway.config.upstreams import has_model
from gateway.errors import ConfigError
from gateway.model import ModelSpec, OnDisconnect, Price, Provider, Purpose, Rates, Secret, TemplateTokens, Timeouts
from tests.config.files import assert_refused, document, load_text
from tests.upstream.raw import TLS

OPENAI = "dialect: openai, base_url: http://127.0.0.1:1/v1"
DEMO = "dialect: demo, models: {demo: {}}"

WRONG = [
    ("providers: {a: »{dialect: openai, models: {m: {}}}}", "needs a base_url, as its dialect is openai"),
    (
        "providers: {a: {dialect: anthropic, base_url: »https://api.anthropic.com/v1, models: {m: {}}}}",
        "ends with a version, which the dialect anthropic adds itself",
    ),
    (
        "providers: {a: {dialect: »vertex, models: {m: {}}}}",
        "must be openai, azure, demo, anthropic, gemini, ollama or bedrock",
    ),
    ("providers: {a: {dialect: openai, base_url: »ftp://x, models: {m: {}}}}", "must be an absolute http://"),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, timeouts: {{total: »0}}}}}}",
        "must be a number of seconds, above 0",
    ),
    (
        "providers: {a: {dialect: openai, base_url: »http://169.254.169.254/v1, models: {m: {}}}}",
        "must not be a link-local",
    ),
    (
        "providers: {a: {dialect: openai, base_url: »http://u:secret@host, models: {m: {}}}}",
        "must not hold credentials",
    ),
    (f"providers: {{a: {{{DEMO}, base_url: »http://127.0.0.1:1}}}}", "has no meaning for the dialect demo"),
    (f"providers: {{a: {{{DEMO}, api_key: »some-key}}}}", "has no meaning for the dialect demo"),
    (f"providers: {{a: {{{DEMO}, headers: »{{X-A: b}}}}}}", "has no meaning for the dialect demo"),
    (f"providers: {{a: {{{DEMO}, template_tokens: »{{plain: 0, tools: 0}}}}}}", "has no meaning for the dialect demo"),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, template_tokens: »{{plain: 70}}}}}}",
        "providers.a.template_tokens.tools: is required",
    ),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, template_tokens: {{plain: »-1, tools: 5}}}}}}",
        "must be a whole number from 0",
    ),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, template_tokens: {{plain: 70, tools: »69}}}}}}",
        "providers.a.template_tokens.tools: is below plain",
    ),
    (f"providers: {{a: {{{OPENAI}, models: »{{}}}}}}", "providers.a.models: must not be empty"),
    (f"providers: {{a: {{{OPENAI}, models: {{»'m n': {{}}}}}}}}", "providers.a.models.m n: must be 1 to 128 letters"),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{price: »{{input: 1}}}}}}}}}}",
        "providers.a.models.m.price.output: is required",
    ),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{price: {{input: »-1, output: 1}}}}}}}}}}",
        "must be a number from 0 to 100,000 with at most 6 decimals",
    ),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{price: {{input: 1, output: 1, »cached: 1}}}}}}}}}}",
        "providers.a.models.m.price.cached: is no setting",
    ),
    (f"providers: {{a: {{{OPENAI}, models: {{m: »5}}}}}}", "must be a mapping of settings"),
    (f"providers: {{»a/b: {{{OPENAI}, models: {{m: {{}}}}}}}}", "providers.a/b: must be 1 to 64 letters"),
    (f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, api_key: »'a b'}}}}", "must be printable ASCII without spaces"),
    (f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, on_disconnect: »wait}}}}", "must be close or drain"),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, ca_file: »no.pem}}}}",
        "is no readable PEM file of certificates",
    ),
    (f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, ca_file: »{'x' * 300}}}}}", "is no readable PEM file"),
    (
        f'providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, headers: {{X-A: »"b\\r\\nc: d"}}}}}}',
        "must be printable ASCII",
    ),
    (f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, headers: {{X-A: »''}}}}}}", "and not empty"),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, headers: {{»'X A': b}}}}}}",
        "must be the name of an HTTP header",
    ),
    (f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, headers: {{Host: »b}}}}}}", "the gateway itself decides"),
    (f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, headers: {{X-A: b, x-a: »c}}}}}}", "letter case makes no"),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, api_key: k, headers: {{Authorization: »c}}}}}}",
        "is sent already, as there is an api_key",
    ),
    (
        f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}}}, b: {{{OPENAI}, models: {{m: »{{}}}}}}}}",
        "providers.b.models.m: is listed by the provider a too",
    ),
    (
        f"providers: {{a: {{{OPENAI}, models: {{b/m: »{{}}}}}}, b: {{{OPENAI}, models: {{x: {{}}}}}}}}",
        "could also be a model of the provider b",
    ),
    (f"providers: {{a: {{{OPENAI}, models: {{a/*: »{{}}}}}}}}", "could also be a model of the provider a"),
    ("default_purpose: »DT", "is no purpose; there are: QA"),
    ("credits: {models: {gpt-9: »{input: 1, output: 1}}}", "is a price for a model that no provider lists"),
    ("credits: {models: {»'gpt-*': {input: 1, output: 1}}}", "must be the exact name of a model"),
    ("credits: {models: {demo: »{input: 1}}}", "credits.models.demo.output: is required"),
]


@pytest.mark.parametrize(("section", "fragment"), WRONG, ids=[f"{i}" for i in range(len(WRONG))])
def test_wrong_provider_is_refused(section: str, fragment: str) -> None:
    """What cannot be called, or called in two ways, is refused where it stands."""
    assert_refused(section, fragment)


def test_provider_has_every_setting() -> None:
    """Each setting of a provider arrives in its value."""
    config = load_text(
        document(
            f"providers: {{a: {{{OPENAI}/, api_key: '${{K}}', chargeable: no, media_tokens: 7, on_disconnect: drain, "
            "template_tokens: {plain: 70, tools: 230}, "
            "timeouts: {connect: 1.5, first_byte: 2, total: 90}, headers: {X-Org: o1}, "
            "models: {m-1: {max_output_tokens: 9, reasoning: true}, 'm-*': }}}"
        ),
        {"K": "sk-secret"},
    )
    assert config.providers["a"] == Provider(
        name="a",
        dialect="openai",
        base_url="http://127.0.0.1:1/v1",
        api_key=Secret("sk-secret"),
        models=(ModelSpec("m-1", 9, reasoning=True), ModelSpec("m-*")),
        chargeable=False,
        media_tokens=7,
        template_tokens=TemplateTokens(plain=70, tools=230),
        timeouts=Timeouts(1.5, 2.0, total=90.0),
        headers=(("X-Org", Secret("o1")),),
        on_disconnect=OnDisconnect.DRAIN,
    )


@pytest.mark.parametrize(
    ("api_key", "is_off"), [("", False), (", api_key: ", True), (", api_key: ''", True), (", api_key: '${K:-}'", True)]
)
def test_empty_credential_turns_a_provider_off(api_key: str, is_off: bool) -> None:
    """A credential that is there but empty means off; none at all means that none is needed."""
    config = load_text(document(f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}{api_key}}}}}"))
    assert config.providers["a"].is_off is is_off


def test_patterns_may_be_listed_twice() -> None:
    """Two servers may both take anything, and a name with a slash is fine when its start is no provider."""
    config = load_text(
        document(
            f"providers: {{a: {{{OPENAI}, models: {{'*': {{}}}}}}, "
            f"b: {{{OPENAI}, models: {{'*': {{}}, org/m: {{}}}}}}}}",
            "credits: {models: {anything: {input: 0.15, output: 0.6}}}",
        )
    )
    assert config.credits.models == {"anything": (150_000, 600_000)}


@pytest.mark.parametrize("cert_file", ["none.pem", "ca.pem", "key.pem"])
def test_a_certificate_of_ours_has_its_key_with_it(tmp_path: Path, cert_file: str) -> None:
    """A file that is not there, one without a key, and one that is locked are told of at the start."""
    (tmp_path / "good.pem").write_bytes((TLS / "good.pem").read_bytes())
    (tmp_path / "ca.pem").write_bytes((TLS / "ca.pem").read_bytes())
    (tmp_path / "key.pem").write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMA==\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    path = tmp_path / "config.yaml"
    text = document(f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, cert_file: good.pem}}}}")
    path.write_text(text)
    assert load(path, {}).providers["a"].cert_file == str(tmp_path / "good.pem")
    path.write_text(text.replace("good.pem", cert_file))
    with pytest.raises(ConfigError, match="cert_file: is no readable PEM file of a certificate and its key"):
        load(path, {})


def test_ca_file_stands_beside_the_configuration(tmp_path: Path) -> None:
    """A relative CA file is looked for from the configuration's directory."""
    bundle = ssl.get_default_verify_paths().cafile
    if bundle is None:
        pytest.skip("this Python has no CA bundle of its own")
    (tmp_path / "ca.pem").write_bytes(Path(bundle).read_bytes())
    path = tmp_path / "config.yaml"
    path.write_text(document(f"providers: {{a: {{{OPENAI}, models: {{m: {{}}}}, ca_file: ca.pem}}}}"))
    assert load(path, {}).providers["a"].ca_file == str(tmp_path / "ca.pem")
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="is no readable PEM file"):
        load(path, {})


def test_purposes_have_every_setting() -> None:
    """Each setting of a purpose arrives in its value; without any there is QA."""
    config = load_text(
        document("purposes: {QA: {}, I-E: {description: d, category: asr, deep_thought: true, import: true}}")
    )
    assert list(config.purposes.values()) == [
        Purpose("QA"),
        Purpose("I-E", "d", "asr", deep_thought=True, imports=True),
    ]
    assert load_text(document()).purposes == {"QA": Purpose("QA", "Question answering", "chat")}


def test_has_model() -> None:
    """A glob finds exact names; a provider with a pattern may have any."""
    exact = Provider("a", "openai", "", models=(ModelSpec("gpt-4o"),))
    pattern = Provider("b", "openai", "", models=(ModelSpec("llama*"),))
    assert has_model([exact], "gpt-*")
    assert not has_model([exact], "o3")
    assert has_model([exact, pattern], "o3")


def test_prices_arrive() -> None:
    """In micro-dollars for a million tokens, each class filled in; a model without one is not listed."""
    section = (
        "{m: {price: {input: 2.5, output: 10, cache_read: 0, output_audio: 0.000001, request: 0.012}}, "
        "'*': {price: {input: 0, output: 0}}, n: {}, o:}"
    )
    config = load_text(document(f"providers: {{a: {{{OPENAI}, models: {section}}}}}"))
    rates = Rates.of(2_500_000, 10_000_000, cache_read=0, output_audio=1)
    assert config.prices == {("a", "m"): Price(rates, request_micros=12_000), ("a", "*"): Price(Rates())}
