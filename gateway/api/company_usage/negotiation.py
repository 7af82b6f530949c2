"""Which format an answer has, by the rules of ServiceStack's `GetResponseContentType`. Pure; never an error, never 406.

`?format=`, then the path's prefix, then its suffix, then `Accept`, whose q-values do not count.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, unquote


class Format(StrEnum):
    """A format, by the word that `?format=`, a prefix and a suffix use."""

    JSON = "json"
    XML = "xml"
    CSV = "csv"
    JSV = "jsv"


MEDIA_TYPES: Mapping[str, Format] = {
    "application/json": Format.JSON,
    "text/json": Format.JSON,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
    "text/csv": Format.CSV,
    "application/jsv": Format.JSV,
    "text/jsv": Format.JSV,
}
_PREFERRED = (Format.JSON, Format.XML, Format.JSV)
_WORDS = frozenset(one.value for one in Format)
_CASES = {"eccn": True, "emitcamelcasenames": True, "epcn": False, "emitpascalcasenames": False}


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer is written: its format, and whether the names in JSON and JSV are camelCase."""

    format: Format
    is_camel: bool = False


def query_pairs(target: str) -> list[tuple[str, str]]:
    """Give the names and values of a request target's query; what is not UTF-8 becomes U+FFFD."""
    return parse_qsl(target.partition("?")[2], keep_blank_values=True)


def media_type(header: str) -> str:
    """Give a media type without its parameters, in lower case."""
    return header.partition(";")[0].strip().lower()


def manner(target: str, accept: str, content_type: str) -> Manner:
    """Choose the manner from a request's target and two of its headers, empty where there is none."""
    query = [(name.lower(), value.lower()) for name, value in query_pairs(target)]
    chosen = _named_in_query(query) or _named_in_path(target.partition("?")[0])
    return Manner(chosen or _accepted(accept, content_type), _is_camel(query))


def _named_in_query(query: list[tuple[str, str]]) -> Format | None:
    if any(name == "callback" and value for name, value in query):
        return Format.JSON
    return next((Format(value) for name, value in query if name == "format" and value in _WORDS), None)


def _named_in_path(path: str) -> Format | None:
    first, last = path.split("/")[1], unquote(path).rpartition(".")[2]
    return next((Format(word) for word in (first, last) if word in _WORDS), None)


def _accepted(accept: str, content_type: str) -> Format:
    kinds = [media_type(one) for one in accept.split(",")]
    accepted = {MEDIA_TYPES[kind] for kind in kinds if kind in MEDIA_TYPES}
    sent = MEDIA_TYPES.get(media_type(content_type))
    if sent in accepted and sent in _PREFERRED:
        return sent
    if "text/html" in kinds:  # preferred to all others by the real server; a browser gets JSON here
        return Format.JSON
    preferred = next((one for one in _PREFERRED if one in accepted), None)
    if preferred is None and "*/*" in kinds:
        return sent or Format.JSON
    return preferred or next(iter(accepted), Format.JSON)


def _is_camel(query: list[tuple[str, str]]) -> bool:
    """Read `?jsconfig=`: settings by name or short name, each with an optional `:false`; the last one counts."""
    settings = [_setting(text) for name, value in query if name == "jsconfig" for text in value.split(",")]
    return next((is_camel for one in reversed(settings) for is_camel in one), False)


def _setting(text: str) -> Iterator[bool]:
    name, _, value = text.strip().partition(":")
    if name in _CASES:
        yield _CASES[name] is (value.strip() != "false")
