"""A reverse proxy in front of LLM providers that holds company and user token budgets hard.

The rooms, from the bottom up (a room imports only from rows below its own):

    cli                     commands: serve, check, key, explain, usage
    supervisor              processes: the store, workers, reload, signals
    app                     wires the rooms; the endpoint table; the outermost error handler
    api                     the endpoints that the gateway answers itself
    pipeline  demo          a proxied call in order; the built-in demo model
    auth  purpose  budget   credential -> Caller; call -> Purpose; windows, rules and the ledger
    journal                 what was sent and is not charged yet, on the disk
    tokens  prices          counting; what a model costs
    providers               wire dialects and routes
    upstream  usage         the HTTP client and its error border; roll-ups of what was consumed
    warnings                thresholds of budgets, told once
    store  telemetry        connections and the embedded server; logs
    config                  reading and refusing YAML
    model                   the vocabulary: frozen values
    errors                  one tree of errors
"""

__version__ = "0.1.0"

NAME = "token-budget-gateway"
"""What the gateway calls itself to clients: not which libraries, in which versions, it is made of."""
