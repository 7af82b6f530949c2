"""Owns the one thing that the URLs of sentinels and clusters have and others have not: several hosts."""

import re

_HOSTS = re.compile(
    r"(?P<head>[a-z]+(?:\+[a-z]+)?://(?:[^/?#]*@)?)(?P<hosts>[^/?#]*)(?P<tail>.*)", re.ASCII | re.DOTALL
)


def split_hosts(url: str) -> tuple[str, tuple[str, ...]]:
    """Split a store's URL: as if it had only its first host, and the other hosts. What is no URL stays as it is."""
    match = _HOSTS.fullmatch(url)
    if match is None:
        return url, ()
    first, *others = match["hosts"].split(",")
    return match["head"] + first + match["tail"], tuple(others)
