"""What may cross in headers."""

from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model import Secret
from gateway.model.headers import CLIENT_OWNED, HOP_BY_HOP
from gateway.upstream.headers import end_to_end, request_headers
from tests.upstream.conftest import provider_at

NAMES = st.one_of(st.sampled_from(sorted(CLIENT_OWNED)), st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True))


@given(st.dictionaries(NAMES.map(str.title), st.just("value")))
def test_a_request_holds_no_field_that_the_client_owns(given_headers: dict[str, str]) -> None:
    """Whatever is given, framing and hop-by-hop fields are not in it, and identity is asked for."""
    merged = request_headers(provider_at("http://far"), given_headers)
    assert {name.lower() for name in merged} & CLIENT_OWNED == {"accept-encoding"}
    assert merged.getall("Accept-Encoding") == ["identity"]


def test_the_providers_own_headers_win() -> None:
    """In any case of letters, and once."""
    provider = provider_at("http://far", headers=(("x-ORG", Secret("ours")),))
    assert request_headers(provider, {"X-Org": "theirs"}).getall("x-org") == ["ours"]


@given(st.lists(st.tuples(NAMES, st.just("value"))), st.lists(NAMES))
def test_an_answer_keeps_end_to_end_fields_only(fields: list[tuple[str, str]], listed: list[str]) -> None:
    """Those named in `Connection` go too; all others stay, repeated ones as well."""
    headers = CIMultiDict([*fields, ("Connection", ", ".join(listed))])
    dropped = HOP_BY_HOP | {name.lower() for name in listed}
    kept = [(name, value) for name, value in headers.items() if name.lower() not in dropped]
    assert list(end_to_end(CIMultiDictProxy(headers)).items()) == kept
