"""Every fault by its name, in the order of the table."""

from collections.abc import Mapping

from benchmarks.faults import deaths, ends, failover, power, replies
from benchmarks.faults.ends import Ends
from benchmarks.faults.fault import Fault

_ALL: tuple[Fault | Ends, ...] = (*replies.FAULTS, *power.FAULTS, *failover.FAULTS, *deaths.FAULTS, *ends.FAULTS)
FAULTS: Mapping[str, Fault | Ends] = {one.name: one for one in _ALL}
