"""`gateway health`."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.health import ask, base_url_of
from tests.cli.configs import TEXT, configured


@contextmanager
def _answering(reply: bytes) -> Iterator[str]:
    """Give the URL of a server that sends `reply` to one request."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "it answers 503"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "it answers 302"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP answer"),
        (b"", "no HTTP answer"),
    ],
)
def test_only_200_is_ready(reply: bytes, expected: str | None) -> None:
    """Whatever else answers is a reason in words."""
    with _answering(reply) as url:
        assert ask(url) == expected


@pytest.mark.parametrize("url", ["", "gateway:8080", "ftp://127.0.0.1", "http://127.0.0.1:no", "http://[::1"])
def test_what_is_no_address_is_told(url: str) -> None:
    """A wrong --url is not a traceback."""
    assert ask(url) == "this is no address like http://127.0.0.1:8080"


def test_nobody_there_is_exit_status_1() -> None:
    """A gateway that does not run is one line on stderr."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    answer = CliRunner().invoke(main, ["health", "--url", url])
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr == f"gateway: {url} is not ready: Connection refused\n"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000"),
        ("0.0.0.0", "http://127.0.0.1:9000"),  # noqa: S104 - nothing listens here
        ("::", "http://[::1]:9000"),
        ("10.1.2.3", "http://10.1.2.3:9000"),
        ("localhost", "http://localhost:9000"),
    ],
)
def test_the_configuration_says_where_to_ask(host: str, expected: str, tmp_path: Path) -> None:
    """A server on every address is asked on loopback."""
    config = configured(tmp_path, TEXT.replace("server: {port: 9000}", f"server: {{host: '{host}', port: 9000}}"))
    assert base_url_of(config) == expected


def test_an_unknown_port_needs_a_url(tmp_path: Path) -> None:
    """With `port: 0` the configuration does not say where the gateway is."""
    configured(tmp_path, TEXT.replace("port: 9000", "port: 0"))
    answer = CliRunner().invoke(main, ["health", "--config", str(tmp_path / "config.yaml")])
    assert answer.exit_code == 2
    assert "--url" in answer.stderr
