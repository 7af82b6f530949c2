"""A journal's bytes read at once, as the tests want them."""

from io import BytesIO
from typing import Any

from gateway.journal import frames


def read(data: bytes) -> tuple[list[tuple[int, str, Any]], int]:
    """Give the records, and how many bytes they take."""
    file = BytesIO(data)
    return list(frames.read(file)), file.tell()
