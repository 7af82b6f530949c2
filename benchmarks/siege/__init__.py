"""The gateway under siege: what good calls notice of clients that drip, and of clients that do not read.

    python -m benchmarks.siege [--slow 2000] [--stalled 1000] [--seconds 20] [--rounds 2] [--write]

    __main__   the processes, and the phases in turns
    good       good calls at a fixed rate, each on time however long others take
    crowd      the bad clients, in a process of their own
    provider   the far end
    report     the tables, and docs/reliability.md

Processes on loopback: a provider, the gateway as an operator starts it (one worker, embedded store, the defaults of
`server:` but for shorter times). The same good traffic is measured alone and beside each crowd, in turns: idle,
besieged, idle, besieged. Compare within one run: absolute times say more about the machine.
"""
