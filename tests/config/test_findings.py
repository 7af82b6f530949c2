"""Collecting problems with their places."""

import pytest

from gateway.config.findings import START, Findings, Place
from gateway.errors import ConfigError


def test_problem_stands_at_the_nearest_known_place() -> None:
    """What is missing is reported where it should have been, else at the start of the file."""
    findings = Findings("f.yaml")
    findings.values = {("a",): Place(2, 4)}
    findings.add(("a", "b", 0), "is wrong")
    findings.add(("c",), "is wrong")
    findings.add(("d",), "is wrong", Place(9, 9))
    with pytest.raises(ConfigError) as caught:
        findings.raise_if_any()
    assert str(caught.value) == "f.yaml:1:1: c: is wrong\nf.yaml:2:4: a.b.0: is wrong\nf.yaml:9:9: d: is wrong"


def test_path_is_one_short_line() -> None:
    """A key with line ends or escape sequences cannot forge a line of a log."""
    findings = Findings("f")
    findings.add(("a\nb\x1b[31m", "c" * 1000), "is wrong")
    ((problem,),) = findings.found.values()
    assert problem.path == r"a\nb\x1b[31m." + "c" * 100


def test_nothing_found_raises_nothing() -> None:
    """An empty collection is no error."""
    Findings("f").raise_if_any()


def test_consequences_are_left_out() -> None:
    """A follow-up adds nothing to entries that were wrong before it."""
    findings = Findings("f")
    findings.add(("keys", 0, "company"), "first")
    later = findings.follow_up()
    for path in (("keys", 0, "user"), ("keys", 0), ("keys", 1), ("timezone",)):
        later.add(path, "later")
    findings.merge(later)
    assert set(findings.found) == {("keys", 0, "company"), ("keys", 1), ("timezone",)}


def test_covered() -> None:
    """A problem with a setting covers all that stands in it, not what holds it."""
    findings = Findings("f")
    findings.add(("a", "b"), "is wrong")
    assert findings.is_covered(("a", "b", "c"))
    assert not findings.is_covered(("a",))


def test_fail_is_at_once() -> None:
    """What makes the rest unreadable is raised on its own."""
    with pytest.raises(ConfigError, match="f:1:1: is no file"):
        Findings("f").fail("is no file", START)
