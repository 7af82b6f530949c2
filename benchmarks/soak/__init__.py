"""What a gateway's processes do under steady load: memory, open files, times and errors, and what is held at the end.

    python -m benchmarks.soak [--minutes 15] [--workers 2] [--share 80] [--rate CALLS_A_SECOND] [--write]
    python -m benchmarks.soak --minutes 1440        a day

    __main__   the phases: warm-up, capacity, the long one; what is left in the store
    load       calls over raw sockets, as many as can be or at a steady rate
    sampling   each process over time, and the slope of its memory
    report     the tables, and docs/reliability.md

The capacity is measured first: how many calls a second would keep the machine busy. Then calls come at a share of it:
of ten six whole ones, three streams of 100 chunks, one stream that its client leaves. Provider, gateway and this share
the machine.
"""
