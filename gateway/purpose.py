"""Owns why a call is made: the request's word, else the key's, else the configuration's. Only its codes exist."""

from collections.abc import Mapping

from gateway.errors import BadRequest
from gateway.model import Key, Purpose

PURPOSE_HEADER = "X-Gateway-Purpose"
PURPOSE_FIELD = "metadata.purpose"


class Purposes:
    """The configured purposes by code, and the code of the default one."""

    def __init__(self, purposes: Mapping[str, Purpose], default: str) -> None:
        self._purposes = purposes
        self._default = default

    def of(self, header: str | None, body_metadata_purpose: object, key: Key) -> Purpose:
        """Tell the purpose of a call: `X-Gateway-Purpose`, else `metadata.purpose`, else the key's, else the default.

        Raises `BadRequest`, naming the codes this key may use, for a code that is unknown, not allowed or no string.
        """
        param = PURPOSE_HEADER
        code: object = key.default_purpose or self._default
        if header is not None:
            code = header.strip()
        elif body_metadata_purpose is not None:
            code, param = body_metadata_purpose, PURPOSE_FIELD
        allowed = key.purposes or self._purposes
        purpose = self._purposes.get(code) if isinstance(code, str) and code in allowed else None
        if purpose is None:
            raise BadRequest(f"{param} must be one of: {', '.join(allowed)}.", param=param)
        return purpose
