"""The one spelling of a GUID: lower case with hyphens, whatever a client wrote."""

import re
from uuid import UUID

_PLAIN = r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GUID = re.compile(rf"{_PLAIN}|\{{(?:{_PLAIN})\}}", re.ASCII)


def parse_guid(text: str) -> str | None:
    """Give `text` as a lower-case hyphenated GUID; None unless it is one, in hyphens or 32 hex digits, braced or not.

    `uuid.UUID` alone also takes URNs, underscores, stray hyphens and foreign digits (not in RFC 9562).
    """
    return str(UUID(text)) if _GUID.fullmatch(text) else None
