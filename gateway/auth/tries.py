"""How often an address has shown no good key lately. Pure: the time is given. Bounded, whoever tries.

The rule that matters: only who shows no good key is ever refused for it. A good one works at any time from anywhere, or
else whoever shares an address with others (a proxy, an office) could lock them out; what keys cannot stand is that they
can be guessed, and what stands against that is their length. What is limited here is what a flood of wrong ones costs.
"""

from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

MOST_BLOCKS = 10_000
"""Beyond these the one that tried longest ago is forgotten: a megabyte or two, whoever comes."""
MINUTE = 60.0
MOST_DEBT_SECONDS = 2 * MINUTE
"""Who goes on while it is refused is refused until it has paused for a minute, and never for longer."""

_IPV6_PREFIX = 64
_ADDRESS_CHARACTERS = 64
_MOST_REMEMBERED = 1_024


@lru_cache(_MOST_REMEMBERED)
def block_of(address: str) -> str:
    """Give whom an address counts as: itself; of IPv6 its /64, as that is what one customer has (RFC 6177)."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:_ADDRESS_CHARACTERS]  # a unix socket's, or nothing
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((ip, _IPV6_PREFIX), strict=False))


class Tries:
    """What each block of addresses owes: a try costs it a share of a minute, and a minute is what it may owe."""

    def __init__(self) -> None:
        self._owed_until: OrderedDict[str, float] = OrderedDict()
        self._calm_at = 0.0

    def __len__(self) -> int:
        """Tell how many blocks are remembered."""
        return len(self._owed_until)

    def is_calm(self, now: float) -> bool:
        """Whether nobody at all has had its tries: then nobody needs to be looked up."""
        return now >= self._calm_at

    def wait_seconds(self, block: str, now: float, per_minute: int) -> float:
        """Give how long a block has to wait for its next try; 0 where it has one left."""
        return max(0.0, self._owed_until.get(block, now) + MINUTE / per_minute - MINUTE - now)

    def note(self, block: str, now: float, per_minute: int) -> None:
        """Count a try."""
        owed_until = max(now, self._owed_until.pop(block, now)) + MINUTE / per_minute
        self._owed_until[block] = min(owed_until, now + MOST_DEBT_SECONDS)
        self._calm_at = max(self._calm_at, now + self.wait_seconds(block, now, per_minute))
        if len(self._owed_until) > MOST_BLOCKS:
            self._owed_until.popitem(last=False)
