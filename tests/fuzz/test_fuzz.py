"""The corpus first, then a fixed search of some seconds for each target: the same cases on every run."""

from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.fuzz.kept import CORPUS, MOST_BYTES, kept, search
from tests.fuzz.targets import TARGETS, Target

KEPT = tuple(kept())


@pytest.mark.parametrize(("target", "path"), KEPT, ids=[f"{target.name}-{path.name}" for target, path in KEPT])
def test_replay(target: Target, path: Path) -> None:
    """A case that was kept keeps every promise of its target."""
    case = path.read_bytes()
    assert len(case) <= MOST_BYTES
    target.check(case)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_is_found(target: Target) -> None:
    """A fixed search finds no case that breaks a promise."""
    search(target, target.examples)
    assert target.examples > 0


def test_every_folder_of_the_corpus_is_a_target_s() -> None:
    """No case lies where nothing replays it, and each target has a seed."""
    folders = {path.name for path in CORPUS.iterdir() if path.is_dir()}
    assert folders == {target.name for target in TARGETS}


def test_a_broken_promise_is_found_and_made_small() -> None:
    """The search does find: of a reader that cannot bear four bytes it ends with four zeros."""
    tried: list[bytes] = []

    def check(case: bytes) -> None:
        tried.append(case)
        assert len(case) < 4

    with pytest.raises(AssertionError):
        search(Target("broken", st.binary(), check), 200)
    assert tried[-1] == bytes(4)
