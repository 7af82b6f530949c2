"""Which parser reads requests."""

import os
import subprocess
import sys

from tests.provider.process import ROOT


def test_without_the_c_parser_nothing_is_served() -> None:
    """The parser that aiohttp has in Python reads some requests in other words than servers in front of it do."""
    run = subprocess.run(
        [sys.executable, "-c", "import gateway.app"],
        env={**os.environ, "AIOHTTP_NO_EXTENSIONS": "1"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert run.returncode != 0
    assert "refusing to serve" in run.stderr
