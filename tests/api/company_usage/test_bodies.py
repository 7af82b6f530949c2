"""Bodies as names and values; pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.company_usage.bodies import FORM, read_pairs
from gateway.api.company_usage.fields import Invalid, company_id, tokens_used
from gateway.api.company_usage.negotiation import MEDIA_TYPES
from gateway.errors import BadRequest, UnsupportedMedia

QUOTE = '"'
GUID = "6c8c9d2e-1111-4222-8333-444455556666"
OPERATION = "RecordAiChatUsage"
DTO = "http://schemas.datacontract.org/2004/07/BokaMera.API.ServiceModel.Dtos"
ROOT = f'<{OPERATION} xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="{DTO}">'
END = f"</{OPERATION}>"
XML = f"{ROOT}<CompanyId>{GUID}</CompanyId><TokensUsed>7</TokensUsed>{END}"


def fields(kind: str, body: str | bytes) -> tuple[str | None, int]:
    data = body.encode() if isinstance(body, str) else body
    pairs = list(read_pairs(kind, None, data, OPERATION))
    return company_id(pairs), tokens_used(pairs)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", f'{{"CompanyId":"{GUID}","TokensUsed":7}}'),
        ("text/json", f'{{"tokensUsed":"7","companyId":"{GUID}","meta":{{"a":[1]}}}}'),
        ("application/xml", XML),
        ("text/xml", f'<?xml version="1.0" encoding="utf-16"?>\n{XML}'),
        ("text/xml", f'<?xml version="1.0" encoding="utf-7"?>\n{XML}'),
        ("text/xml", f'<?xml version="1.0" encoding="no-such-thing"?>\n{XML}'),
        ("application/xml", f"<!-- a --><{OPERATION}><tokensused> 7 </tokensused><companyid>{GUID}</companyid>{END}"),
        ("application/xml", f"{ROOT}<TokensUsed><![CDATA[7]]></TokensUsed><CompanyId>{GUID}</CompanyId><X/>{END}"),
        ("text/csv", f"CompanyId,TokensUsed\r\n{GUID},7\r\n"),
        ("text/csv", f'tokensused,"companyid"\n"7",{GUID}'),
        ("application/jsv", f"{{CompanyId:{GUID},TokensUsed:7}}"),
        ("text/jsv", f'{{ tokensUsed:"7", companyId:"{{{GUID}}}" }}'),
        (FORM, f"CompanyId=%7B{GUID}%7D&TokensUsed=7"),
        (FORM, f"tokensUsed=+7&companyId={GUID}"),
    ],
)
def test_a_request_in_each_format(kind: str, body: str) -> None:
    """JSON, XML, CSV, JSV and a form say the same; names bind in any case, also after a byte order mark."""
    assert fields(kind, body) == (GUID, 7)
    assert fields(kind, b"\xef\xbb\xbf" + body.encode()) == (GUID, 7)


def test_nil_is_no_company() -> None:
    """`i:nil` is XML's null."""
    xml = f'{ROOT}<CompanyId i:nil="true"/><TokensUsed>7</TokensUsed>{END}'
    assert fields("application/xml", xml) == (None, 7)
    assert fields("application/xml", xml.replace('"true"', '"1"')) == (None, 7)


@pytest.mark.parametrize("kind", [*MEDIA_TYPES, FORM, "text/plain", "image/png"])
@pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf"])
def test_an_empty_body_has_no_fields(kind: str, body: bytes) -> None:
    """Nothing is nothing in every format."""
    assert list(read_pairs(kind, None, body, OPERATION)) == []


BILLION_LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + f"]>{ROOT}<TokensUsed>&a9;</TokensUsed>{END}"
)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"null"),
        ("application/json", b"7"),
        ("application/json", b'{"TokensUsed":NaN}'),
        ("application/json", b'{"TokensUsed":Infinity}'),
        ("application/json", b'{"TokensUsed":1e400}'),
        ("application/json", b'{"TokensUsed":07}'),
        ("application/json", b'{"TokensUsed":7}{}'),
        ("application/json", b'{"a":' * 1000 + b"1" + b"}" * 1000),
        ("application/json", b"[" * 30_000),
        ("application/json", '{"TokensUsed":7}'.encode("utf-16")),
        ("application/json", '{"TokensUsed":7}'.encode("utf-16-le")),
        ("application/json", b'{"TokensUsed":7,"x":"\xff"}'),
        ("application/xml", b"<"),
        ("application/xml", b"7"),
        ("application/xml", f"{ROOT}<TokensUsed>7</TokensUsed>".encode()),
        ("application/xml", f"{ROOT}<TokensUsed>7</CompanyId>{END}".encode()),
        ("application/xml", f"{ROOT}<TokensUsed>&x;</TokensUsed>{END}".encode()),
        ("application/xml", f"{ROOT}<TokensUsed><x/>7</TokensUsed>{END}".encode()),
        ("application/xml", f"{XML}{XML}".encode()),
        ("application/xml", XML.replace(OPERATION, "GetAiChatUsage").encode()),
        ("application/xml", f"<!DOCTYPE {OPERATION}>{XML}".encode()),
        ("application/xml", f'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">{XML}'.encode()),
        ("application/xml", f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hosts">]>{ROOT}&e;{END}'.encode()),
        ("application/xml", BILLION_LAUGHS.encode()),
        ("application/xml", b"<a>" * 20_000),
        ("application/xml", f"{ROOT}{'<a>' * 9000}{'</a>' * 9000}{END}".encode()),
        ("application/xml", XML.encode("utf-16")),
        ("application/xml", XML.encode("utf-16-be")),
        ("application/xml", f'<?xml version="1.0" encoding="utf-7"?>{XML}'.encode("utf-7").replace(b"<", b"+ADw-")),
        ("application/xml", b"<a>\x00</a>"),
        ("text/csv", b"CompanyId,TokensUsed"),
        ("text/csv", b"TokensUsed\n7\n8\n"),
        ("text/csv", b"TokensUsed\n7,8\n"),
        ("text/csv", b'TokensUsed\n"7'),
        ("text/csv", b"TokensUsed\n\xff"),
        ("application/jsv", b"TokensUsed:7"),
        ("application/jsv", b"{TokensUsed}"),
        ("application/jsv", b"{TokensUsed:[7]}"),
        ("application/jsv", b'{TokensUsed:"7}'),
        ("application/jsv", b"{:7}"),
        ("application/jsv", b"{a:" + b" " * 60_000 + b"{}"),
        ("application/jsv", b'{a:"' + b'"" ' * 20_000 + b"}"),
        ("application/jsv", b"\xff"),
        (FORM, b"\xff=1"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_read(kind: str, body: bytes) -> None:
    """Broken, dangerous and wrongly encoded bodies are refused in the real server's word for it."""
    with pytest.raises(Invalid) as caught:
        fields(kind, body)
    assert caught.value.code == "SerializationException"


@pytest.mark.parametrize(
    ("kind", "charset"),
    [
        ("text/plain", None),
        ("application/octet-stream", None),
        ("multipart/form-data", None),
        ("application/json", "utf-16"),
    ],
)
def test_what_is_not_taken(kind: str, charset: str | None) -> None:
    """Other types and other charsets are named as what is wrong."""
    with pytest.raises(UnsupportedMedia):
        read_pairs(kind, charset, b"{}", OPERATION)


def test_charsets_that_are_utf_8() -> None:
    """UTF-8 by its names, and its subset."""
    for charset in ("utf-8", "UTF-8", "utf8", "us-ascii", None):
        assert list(read_pairs("application/json", charset, b'{"a":1}', OPERATION)) == [("a", 1)]


@given(
    st.sampled_from([*MEDIA_TYPES, FORM]),
    st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace")),
)
def test_any_bytes_are_read_or_refused(kind: str, body: bytes) -> None:
    """No body ends in anything but fields or a refusal."""
    try:
        pairs = list(read_pairs(kind, None, body, OPERATION))
    except BadRequest:
        return
    assert all(isinstance(name, str) for name, _ in pairs)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=50))
def test_jsv_quotes(text: str) -> None:
    """A quoted JSV value may hold anything, its quotes doubled."""
    body = "{a:" + f'"{text.replace(QUOTE, 2 * QUOTE)}"' + ",b:7}"
    assert list(read_pairs("text/jsv", None, body.encode(), OPERATION)) == [("a", text), ("b", "7")]
