"""`python -m tests.provider [--port 0] [--key SECRET]`."""

import argparse
import contextlib

from tests.provider.server import main

parser = argparse.ArgumentParser(prog="tests.provider")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--key", default=None)
arguments = parser.parse_args()
with contextlib.suppress(KeyboardInterrupt):
    main(arguments.port, arguments.key)
