"""The command `gateway`. A command reads, asks other rooms, and prints; nothing is decided here.

    border     commands by name; the errors a person can cause, as lines instead of tracebacks
    options    what commands have in common: the configuration
    beside     the store, beside a running gateway or without one
    serve, check, key, explain, usage, reconcile, health     a command each, a few lines long
    start_screen, enforced, explained, used, reconciled      what they print: pure, a value in, text out
    words, table                                  limits, windows and columns as text

The rule that matters: no command shows a secret, and only `serve` and `reconcile --repair` change anything.
"""

from gateway.cli.border import main

__all__ = ["main"]
