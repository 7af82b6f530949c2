"""What is promised under faults, proved by one run: processes are killed at random moments under steady load.

    python -m benchmarks.faults [--kills N] [--seed N] [--workers N] [--callers N] [--write]
    python -m benchmarks.faults --fault NAME|all [--seed N] [--calls N] [--write];  --list names them

    site       the far end and the real `gateway serve`, started anew on the same data when it was killed
    calls      the load: whole answers, streams, slow streams, clients that leave, answers that are cut
    kills      kill -9 of a worker, the store, the fork server, the supervisor, or all of them; until service is back
    changes    a changed file and rolling restarts under the same load
    books      what the far end served, call by call, beside what the ledger charged
    report     the table, and docs/reliability.md

    fault      what one fault is: a site, and one blow;  registry: all of them
    replies    answers lost, scripts repeated, everything late: on a wire (wire.py) between gateway and store
    power      the store killed, and its file cut to what was synced
    deaths     kill -9 of one kind of process
    ends       answers that providers cut, clients that go away
    failover   a split brain under sentinels, a primary of a cluster killed; on a network that can be cut (network.py)
    single     one of them again and again, then the books;  rows: its row of the table

    topology   stores that are no embedded server: one beside the gateway, a set under sentinels, a cluster
    race       many callers at once on few budgets (`python -m benchmarks.overshoot`);  rivals: who races, and how
    matrix     races on each kind of store with few and many workers and callers; their table

Each call is made for a user of its own, so that the ledger's own account of users is one of calls; the prompt names the
call, so that the far end's log is one, too. Linux only: the process tree is read from /proc.
"""
