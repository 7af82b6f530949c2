"""Bodies as data: JSON and forms, and what is neither. Pure."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.chat_quota.bodies import Form, decode
from gateway.errors import BadRequest, UnsupportedMedia

JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=BB"


def multipart(*fields: tuple[str, str]) -> bytes:
    """Write a multipart form."""
    parts = (f'--BB\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields)
    return ("".join(parts) + "--BB--\r\n").encode()


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        (JSON, b'{"a":1}', {"a": 1}),
        (JSON, b'{"a":1,"a":2}', {"a": 2}),
        ("Application/JSON ; charset=utf-8", b"null", None),
        (URLENCODED, b"a=1&b=&a=2&c=%20+", {"a": "2", "b": "", "c": "  "}),
        (f"{URLENCODED}; charset=utf-8", b"a=%ff", {"a": "\ufffd"}),
        (MULTIPART, multipart(("a", "1"), ("b", ""), ("a", "2")), {"a": "2", "b": ""}),
        ('multipart/form-data; boundary="BB"', multipart(("a", "é\r\nx")), {"a": "é\r\nx"}),
        ("text/plain", b"", {}),
        ("", b"", {}),
    ],
)
def test_a_body_is_read_as_its_type_says(content_type: str, body: bytes, value: Any) -> None:
    """JSON gives its value; a form its fields as text, the last of a name; no body is an empty one."""
    assert decode(content_type, body) == value


@pytest.mark.parametrize(("content_type", "is_form"), [(JSON, False), (URLENCODED, True), (MULTIPART, True)])
def test_a_form_is_known_as_one(content_type: str, is_form: bool) -> None:
    """What comes from a form is told apart, for it knows no null."""
    body = multipart(("a", "1")) if content_type == MULTIPART else b"{}"
    assert isinstance(decode(content_type, body), Form) is is_form


def test_files_of_a_form_are_left_out() -> None:
    """No field takes a file."""
    part = b'--BB\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n1\r\n'
    assert decode(MULTIPART, part + multipart(("b", "2"))) == {"b": "2"}


@pytest.mark.parametrize(
    "body", [b"{", b"nul", b"{'a':1}", b"[1,]", b"NaN", b"1e400", b'"\xff"', b"\xef\xbb\xbf{}", b"[" * 9999]
)
def test_what_is_no_json_is_said_to_be_none(body: bytes) -> None:
    """The sentence begins as the clients know it and repeats nothing of the body."""
    with pytest.raises(BadRequest, match="JSON parse error - ") as refusal:
        decode(JSON, body)
    assert (refusal.value.status, "xff" in refusal.value.message) == (400, False)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/vnd.api+json", ""])
def test_other_types_are_refused_by_name(content_type: str) -> None:
    """A type that is not understood is 415 in the framework's words."""
    with pytest.raises(UnsupportedMedia) as refusal:
        decode(content_type, b"{}")
    assert refusal.value.message == f'Unsupported media type "{content_type}" in request.'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (URLENCODED, b"a&" * 1001),
        ("multipart/form-data", multipart(("a", "1"))),
        (MULTIPART, b"nothing"),
        (
            MULTIPART,
            b"".join(b"--B%d\r\nContent-Type: multipart/x; boundary=B%d\r\n\r\n" % (n, n + 1) for n in range(900)),
        ),
        (MULTIPART, multipart(*(("a", "1"),) * 200)),
    ],
)
def test_what_is_no_form_is_refused(content_type: str, body: bytes) -> None:
    """Too many fields, no boundary, none of the boundary's parts, endless nesting."""
    with pytest.raises(BadRequest):
        decode(content_type, body)


boundary_bytes = st.lists(
    st.sampled_from(
        [b"--BB", b"--BB--", b"\r\n", b"\n", b"Content-Disposition: form-data; name=", b'"', b"a", b"=?", b";", b"*0*="]
    )
    | st.binary(max_size=4)
).map(b"".join)


@given(
    st.sampled_from([JSON, URLENCODED, MULTIPART, "multipart/form-data", "text/plain"]), st.binary() | boundary_bytes
)
def test_any_body_is_data_or_a_client_error(content_type: str, body: bytes) -> None:
    """Whatever is sent, nothing else is raised."""
    with suppress(BadRequest):
        decode(content_type, body)
