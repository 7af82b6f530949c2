"""What a call costs in instructions: of the pass-throughs, and of the gateway as one process.

    python -m benchmarks.instructions [--at-once 32] [--calls 2000]

    __main__   the processes, and the counting
    served     the gateway's app alone, without its supervisor, on a store of its own

Callgrind (https://valgrind.org/docs/manual/cl-manual.html) counts what a process executes outside of the system, so
neither a busy machine nor its speed is in the figure: a change of one percent can be seen. It needs `valgrind` on the
path and takes some minutes: everything runs fifty times slower.
"""
