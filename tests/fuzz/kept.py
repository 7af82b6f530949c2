"""The cases kept as files, and the running of a target on cases: the last one of a failed run is the one to keep."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import TARGETS, Target

CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 4096
_PHASES = (Phase.explicit, Phase.generate, Phase.target, Phase.shrink)


def kept() -> Iterator[tuple[Target, Path]]:
    """Give every case with its target."""
    for target in TARGETS:
        for path in sorted((CORPUS / target.name).glob("*")):
            yield target, path


def keep(target: Target, case: bytes) -> Path:
    """Store a case under the name of its digest."""
    path = CORPUS / target.name / sha256(case).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case)
    return path


def search(target: Target, examples: int, seed_number: int | None = None) -> None:
    """Look for a case that fails; it is kept, in its smallest form, when this was no fixed search."""
    tried = [b""]
    fails = True

    @settings(
        max_examples=examples,
        derandomize=seed_number is None,
        deadline=None,
        database=None,
        phases=_PHASES,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.cases)
    def run(case: bytes) -> None:
        tried[0] = case
        target.check(case)

    try:
        (run if seed_number is None else seed(seed_number)(run))()
        fails = False
    finally:
        if fails and seed_number is not None:
            keep(target, tried[0])
