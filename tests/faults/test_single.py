"""Single faults in small: every promise holds for every call, and what was drawn can be drawn again."""

import sys
from pathlib import Path
from random import Random

import pytest

from benchmarks.faults import ends, rows
from benchmarks.faults.calls import MIX, Mix
from benchmarks.faults.registry import FAULTS
from benchmarks.faults.single import Size, run_alone

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads the process tree from /proc")
SEED, CALLS = 7, 60
SMALL = ("cut-replies", "repeats", "power-cut-everysec", "store-kill", "upstream-cut", "client-cut")
"""One or two of each group; the table in docs/reliability.md has them all."""


@ON_LINUX
@pytest.mark.xdist_group("supervisor")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", SMALL)
async def test_nothing_is_lost_or_doubled_by_a_fault(name: str) -> None:
    """The fault happens, calls go through it, and the books are right to the token."""
    found = await run_alone(FAULTS[name], Size(SEED, CALLS, callers=8))
    assert list(found.broken()) == []
    assert found.hits > 0
    assert found.books.true_tokens > 0
    assert rows.row(found).startswith(f"| `{name} --seed {SEED} --calls {CALLS} --callers 8` |")


def test_a_run_says_how_it_is_made_again() -> None:
    """With what is unusual about it, and nothing else."""
    assert Size(3, 60).command("repeats") == "python -m benchmarks.faults --fault repeats --seed 3 --calls 60"
    assert Size(3, 60, workers=4).command("repeats").endswith(" --workers 4")


@pytest.mark.parametrize("mix", [MIX, *(one.mix for one in ends.FAULTS)])
def test_a_seed_says_what_is_asked(mix: Mix) -> None:
    """The same plans come of the same dice."""

    def drawn() -> list[object]:
        dice = Random(SEED)
        return [make(dice) for make, _ in mix for _ in range(20)]

    assert drawn() == drawn()


def test_cuts_are_drawn_over_the_whole_answer() -> None:
    """From before the first byte to beyond the last, in both ways."""
    models = [ends.cut_stream(Random(seed)).model for seed in range(400)]
    places = [(int(model.rpartition("-")[2]), int(model.split("tokens-")[1].split(".")[0])) for model in models]
    parts = [at / ends.stream_bytes(tokens) for at, tokens in places]
    assert min(parts) < 0.05
    assert max(parts) > 1
    assert {word for model in models for word in ("cut-", "fin-", "gzip") if word in model} == {"cut-", "fin-", "gzip"}


def test_rows_of_other_runs_stay(tmp_path: Path) -> None:
    """A row replaces its own and nobody else's, in the order of the faults."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{rows.BEGIN}\n{rows.END}\nafter\n", "utf-8")
    for lines in (["| `b --seed 1` | 1 |"], ["| `a --seed 1` | 2 |"], ["| `b --seed 2` | 3 |"]):
        rows.write(lines, ["a", "b"], page)
    text = page.read_text("utf-8")
    assert (
        text
        == f"before\n{rows.BEGIN}\n{rows.table(['| `a --seed 1` | 2 |', '| `b --seed 2` | 3 |'])}{rows.END}\nafter\n"
    )
