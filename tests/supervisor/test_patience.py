"""When a start is tried again, after what pause, and when no more."""

from gateway.supervisor.patience import Deaths, Patience

PATIENCE = Patience(early_seconds=10, most_early_deaths=3, pause_seconds=1)
EARLY, LATE = 1.0, 100.0


def pauses(*ages: float, between_seconds: float = 1.0) -> list[float]:
    """Give the pause after each death; a pause of -1 stands for giving up."""
    deaths = Deaths(PATIENCE)
    found = []
    for place, age in enumerate(ages):
        deaths.add(age, 1_000 + place * between_seconds)
        found.append(-1.0 if deaths.are_too_many else deaths.pause_seconds)
    return found


def test_the_first_is_replaced_at_once() -> None:
    """One death, early or late, costs no time."""
    assert pauses(EARLY) == pauses(LATE) == [0.0]


def test_early_deaths_in_a_row_cost_more_and_more() -> None:
    """The pause doubles, and after the last one that is borne there is no other start."""
    assert pauses(EARLY, EARLY, EARLY, EARLY) == [0.0, 1.0, 2.0, -1.0]


def test_a_late_death_ends_the_row() -> None:
    """What has lived is replaced at once again."""
    assert pauses(EARLY, EARLY, LATE, EARLY) == [0.0, 1.0, 0.0, 1.0]


def test_early_deaths_far_apart_are_no_row() -> None:
    """A restart that went wrong once in an hour is not the same misfortune."""
    assert pauses(EARLY, EARLY, EARLY, EARLY, between_seconds=3_600) == [0.0] * 4
