"""Owns what `gateway reconcile` prints. Pure.

The rule that matters: what could not be compared is said, with the reason: silence would read as "it is right".
"""

from gateway.cli import words
from gateway.cli.table import table
from gateway.reconcile import Drift, Note, Reconciled

_HEADER = ("company", "user", "budget", "day", "what", "stands", "should be", "says", "remedy")


def render(found: Reconciled) -> str:
    """Give a line for each drift, then for what could not be compared, then for each call asked about."""
    open_count = sum(drift.is_open for drift in found.drifts)
    done = len(found.drifts) - open_count
    head = f"{open_count} to repair, {done} repaired" if found.drifts else "no drift"
    parts = [head]
    if found.drifts:
        parts += ["", table(_HEADER, [_row(drift) for drift in found.drifts], numbers=("stands", "should be"))]
    if found.notes or found.away:
        rows = sorted(f"{company}: nothing: {why}" for company, why in found.away.items())
        rows += sorted(_line(note, count) for note, count in found.notes.items())
        parts += ["", "Not compared:", *(f"  {row}" for row in rows)]
    if found.calls:
        parts += ["", *found.calls]
    return "\n".join(parts)


def _row(drift: Drift) -> tuple[str, ...]:
    return (
        *(drift.company, drift.holder or words.DASH, drift.budget),
        drift.day.isoformat() if drift.day else words.DASH,
        *(drift.what.value, drift.stands, drift.should, drift.by, drift.remedy),
    )


def _line(note: Note, count: int) -> str:
    times = f" ({count} of them)" if count > 1 else ""
    return f"{note.company}: {note.budget}{times}: {note.why}"
