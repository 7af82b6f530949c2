"""The limit of file descriptors, each time in a process of its own."""

import subprocess
import sys

import pytest

CODE = """
import resource, sys
from gateway.app.descriptors import fitting, raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(fitting(1000), raise_limit(1000), resource.getrlimit(resource.RLIMIT_NOFILE)[0], fitting(10))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "told"),
    [
        (1024, 4096, "384 1000 2256 10"),  # raised to what is needed, and no further
        (1024, 1024, "384 384 1024 10"),
        (300, 656, "22 200 656 10"),  # raised as far as it goes
        (4096, 4096, "1000 1000 4096 10"),
        (64, 64, "1 1 64 1"),
    ],
)
def test_connections_fit_under_the_limit(soft: int, hard: int, told: str) -> None:
    """Each connection takes two descriptors, beside those that the process needs; the soft limit is raised to that."""
    run = subprocess.run(
        [sys.executable, "-c", CODE.format(soft=soft, hard=hard)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == told
