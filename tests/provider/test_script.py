"""The mini-language of the far end."""

import pytest

from tests.provider.script import BadScript, Script, parse


@pytest.mark.parametrize(
    ("model", "script"),
    [
        ("gpt-4o-mini", Script()),
        ("m:", Script()),
        ("m:tokens-40.delay-5.usage-null-after", Script(tokens=40, delay=5, usage="null-after")),
        ("gpt-4o/m:tokens-40.gate-3", Script(tokens=40, gate=3)),
        ("m:cut-0.crlf.nodone", Script(cut=0, crlf=True, nodone=True)),
    ],
)
def test_a_model_name_is_a_script(model: str, script: Script) -> None:
    """Directives become fields; any other name is the default."""
    assert parse(model) == script


@pytest.mark.parametrize("model", ["m:token-4", "m:tokens", "m:tokens-x", "m:tokens--1", "m:usage-often", "m:crlf-1"])
def test_a_misspelt_directive_is_refused(model: str) -> None:
    """A test cannot silently get the default behaviour."""
    with pytest.raises(BadScript):
        parse(model)
