"""Owns the last duty towards the embedded server: it must not outlive the gateway, however the gateway ends.

A program, run by its path before the server (`python -I watchdog.py TIE PARENT_PID COMMAND...`), so it imports nothing
but the standard library. Two ties:

    kernel    becomes the command; Linux sends it SIGTERM when the thread that started it is gone (PR_SET_PDEATHSIG)
    watched   stays as the command's parent and sends SIGTERM when its own standard input ends; any Unix

The rule that matters: the server is asked to end (SIGTERM), so that it writes what it acknowledged.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1  # prctl(2)
_PRIVATE_UMASK = 0o077


def become(parent_pid: int, command: list[str]) -> None:
    """Replace this process by the command, tied to the thread that started it. Source: PR_SET_PDEATHSIG(2const)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    # The parent may have died before the call above, which then watches whoever adopted this process.
    if os.getppid() == parent_pid:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def watch(command: list[str]) -> int:
    """Run the command until it ends by itself or standard input does; give its exit status, as a shell would."""
    # The whole process group gets the gateway's SIGTERM; this process leaves after the server, not before.
    signal.signal(signal.SIGTERM, lambda *_: None)
    # close_fds=False hands on the lock of the data directory, the one descriptor that is inheritable.
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)  # noqa: S603 - our own command
    threading.Thread(target=_terminate_at_eof, args=(server,), daemon=True).start()
    status = server.wait()
    return status if status >= 0 else 128 - status


def _terminate_at_eof(server: "subprocess.Popen[bytes]") -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    server.terminate()


if __name__ == "__main__":
    tie, parent, *rest = sys.argv[1:]
    os.umask(_PRIVATE_UMASK)
    if tie == "kernel":
        become(int(parent), rest)
    else:
        sys.exit(watch(rest))
