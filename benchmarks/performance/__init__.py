"""What the gateway costs beside a bare aiohttp pass-through, and beside nginx where it is installed: in one run.

    python -m benchmarks.performance [--quick] [--workers N] [--write]

    far        a cheap provider and the bare pass-through, each in a process of its own
    servers    the processes under test: how they start, what CPU and memory their whole trees take
    load       calls over raw sockets, so that the generator costs less than what it measures
    report     the table, the picture, and docs/performance.md

Rounds are interleaved, so that what else the machine does falls on all alike; medians are compared. CPU is user +
system of the whole process tree from /proc (Linux), the store apart. Read the ratios; absolute times say more about
the machine.
"""
