"""What is promised under faults, proved by one run: processes are killed at random moments under steady load.

    python -m benchmarks.faults [--kills N] [--seed N] [--workers N] [--callers N] [--write]

    site       the far end and the real `gateway serve`, started anew on the same data when it was killed
    calls      the load: whole answers, streams, slow streams, clients that leave, answers that are cut
    kills      kill -9 of a worker, the store, the fork server, the supervisor, or all of them; until service is back
    changes    a changed file and rolling restarts under the same load
    books      what the far end served, call by call, beside what the ledger charged
    report     the table, and docs/reliability.md
    race       many callers at once on few budgets (`python -m benchmarks.overshoot --workers 4`)

Each call is made for a user of its own, so that the ledger's own account of users is one of calls; the prompt names the
call, so that the far end's log is one, too. Linux only: the process tree is read from /proc.
"""
