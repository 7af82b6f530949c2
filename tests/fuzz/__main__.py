"""Runs the targets for longer, with random seeds: `python -m tests.fuzz --minutes 30 [--target NAME]`.

Ends at the first failure, whose smallest case is then in the corpus.
"""

import argparse
import random
import time

from tests.fuzz.kept import search
from tests.fuzz.targets import TARGETS

EXAMPLES_A_ROUND = 500


def main() -> None:
    """Take the targets in turn until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--target", choices=[target.name for target in TARGETS], action="append")
    asked = parser.parse_args()
    chosen = [target for target in TARGETS if asked.target is None or target.name in asked.target]
    deadline, count = time.monotonic() + asked.minutes * 60, 0
    while time.monotonic() < deadline:
        target = chosen[count % len(chosen)]
        number = random.SystemRandom().getrandbits(48)
        print(f"{target.name} seed {number}", flush=True)  # noqa: T201 - a command that tells what it does
        search(target, EXAMPLES_A_ROUND, number)
        count += 1


if __name__ == "__main__":
    main()
