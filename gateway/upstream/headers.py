"""What may cross in headers, both ways. No I/O.

The one rule that matters: fields that speak about one connection (RFC 9110 section 7.6.1) end here.
"""

from collections.abc import Mapping

from multidict import CIMultiDict, CIMultiDictProxy

from gateway.model import Provider
from gateway.model.headers import CLIENT_OWNED, HOP_BY_HOP


def request_headers(provider: Provider, headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Merge the call's headers and the provider's own (which win), and ask for an answer that can be metered."""
    merged = _without(headers, CLIENT_OWNED)
    for name, secret in provider.headers:
        if name.lower() not in CLIENT_OWNED:
            merged[name] = secret.reveal()
    merged.setdefault("Content-Type", "application/json")
    merged["Accept-Encoding"] = "identity"
    return merged


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDictProxy[str]:
    """Leave out the hop-by-hop fields of an answer and those that its `Connection` names."""
    listed = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    return CIMultiDictProxy(_without(headers, HOP_BY_HOP | listed if listed else HOP_BY_HOP))


def _without(headers: Mapping[str, str], dropped: frozenset[str]) -> CIMultiDict[str]:
    """Copy headers but for some; `dropped` are names in lower case."""
    kept = CIMultiDict(headers)
    for name in dropped.intersection(map(str.lower, headers)):
        kept.popall(name)
    return kept
