"""Which format an answer has, and in which case its names are; pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.company_usage.negotiation import Format, Manner, manner, media_type, query_pairs

ROUTE = "/assistant/ai-chat/usage"
JSON, XML, CSV, JSV = Format.JSON, Format.XML, Format.CSV, Format.JSV
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("?format=xml", XML),
        ("?FORMAT=XML", XML),
        ("?format=csv&format=xml", CSV),
        ("?format=yaml", JSON),
        ("?format=", JSON),
        (".xml", XML),
        (".csv", CSV),
        (".jsv", JSV),
        ("%2Exml", XML),
        (".xml?format=csv", CSV),
        (".xml?format=yaml", XML),
        (".xml?callback=f", JSON),
        (".xml?callback=", XML),
        ("", JSON),
        ("?", JSON),
        ("?a.xml", JSON),
    ],
)
@pytest.mark.parametrize("accept", ["", "*/*", "application/json"])
def test_the_target_beats_the_header(target: str, accept: str, expected: Format) -> None:
    """`?format=` in any case, then the suffix, come before `Accept`; what names no format does not count."""
    assert manner(ROUTE + target, accept, "") == Manner(expected)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/json/reply/GetAiChatUsage", JSON),
        ("/xml/reply/GetAiChatUsage", XML),
        ("/csv/reply/GetAiChatUsage", CSV),
        ("/jsv/reply/GetAiChatUsage", JSV),
        ("/xml/reply/GetAiChatUsage.json", XML),
        ("/xml/reply/GetAiChatUsage?format=json", JSON),
        ("/api/GetAiChatUsage.csv", CSV),
    ],
)
def test_a_prefix_beats_a_suffix(target: str, expected: Format) -> None:
    """A pre-defined route has its format in front; only `?format=` is stronger."""
    assert manner(target, "application/jsv", "") == Manner(expected)


@pytest.mark.parametrize(
    ("accept", "content_type", "expected"),
    [
        ("", "", JSON),
        ("*/*", "", JSON),
        ("application/json", "", JSON),
        ("application/xml", "", XML),
        ("text/xml; charset=utf-8", "", XML),
        ("APPLICATION/XML", "", XML),
        ("text/csv", "", CSV),
        ("application/jsv", "", JSV),
        ("text/jsv", "", JSV),
        # Preferred types come before the others, and in their own order: q-values do not count.
        ("text/csv, application/xml", "", XML),
        ("application/xml;q=1, application/json;q=0.1", "", JSON),
        ("application/jsv, application/xml", "", XML),
        # A preferred type that is also the request's own wins.
        ("application/json, application/xml", "application/xml", XML),
        ("application/json, text/csv", "text/csv", JSON),
        # Anything: the request's own type, where it is one of the formats.
        ("*/*", "application/xml; charset=utf-8", XML),
        ("*/*", "text/csv", CSV),
        ("*/*", "application/json", JSON),
        ("*/*", "application/x-www-form-urlencoded", JSON),
        ("application/xml, */*", "application/json", XML),
        ("text/csv, */*", "", JSON),
        # A browser's preference has no page here.
        (BROWSER, "", JSON),
        # Never 406.
        ("image/png", "", JSON),
        ("application/*", "application/xml", JSON),
        (",;,q=1,\x00", "/", JSON),
    ],
)
def test_accept_as_the_real_server_reads_it(accept: str, content_type: str, expected: Format) -> None:
    """The order of ServiceStack's `GetResponseContentType`."""
    assert manner(ROUTE, accept, content_type) == Manner(expected)


@pytest.mark.parametrize(
    ("query", "is_camel"),
    [
        ("", False),
        ("?jsconfig=eccn", True),
        ("?jsconfig=EmitCamelCaseNames", True),
        ("?JSCONFIG=ECCN", True),
        ("?jsconfig=eccn:true", True),
        ("?jsconfig=eccn:false", False),
        ("?jsconfig=epcn", False),
        ("?jsconfig=EmitPascalCaseNames", False),
        ("?jsconfig=epcn,eccn", True),
        ("?jsconfig=eccn,epcn", False),
        ("?jsconfig=edv,%20eccn", True),
        ("?jsconfig=dh&jsconfig=eccn", True),
        ("?jsconfig=", False),
        ("?jsconfig=camel", False),
    ],
)
def test_the_case_of_names(query: str, is_camel: bool) -> None:
    """PascalCase, unless `?jsconfig=` says otherwise."""
    assert manner(ROUTE + query, "", "").is_camel is is_camel


def test_a_query_is_read_leniently() -> None:
    """A query's bytes that are not UTF-8 are shown as such; a parameter without a value has an empty one."""
    assert query_pairs("/x?a=%ff&b&c=d%20e+f") == [("a", "�"), ("b", ""), ("c", "d e f")]
    assert query_pairs("/x") == []


def test_a_media_type_has_no_parameters() -> None:
    """Parameters and case do not make another type."""
    assert media_type(" Text/XML ; charset=utf-8") == "text/xml"


@given(st.text(), st.text(), st.text())
def test_nothing_is_unacceptable(rest: str, accept: str, content_type: str) -> None:
    """Whatever is asked, there is an answer."""
    assert manner("/" + rest, accept, content_type).format in Format
