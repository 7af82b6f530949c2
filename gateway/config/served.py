"""Owns the sections `server:` and `admin:`: where the gateway listens, and what it takes from clients.

The rule that matters: nothing that a client can do is without an end. Every wait for one has its seconds here, and
everything that clients can have many of has its most.
"""

from gateway.config import fields as f
from gateway.config.findings import Findings
from gateway.config.section import Section, setting


class ServerSection(Section):
    """`server:`."""

    host: f.Host = setting("127.0.0.1", "Address to listen on; `--host` overrides it.")
    port: f.Port = setting(8080, "Port to listen on; 0 takes a free one, `--port` overrides it.")
    workers: f.Workers = setting(1, "Processes that serve calls, 1 to 64; one a processor is plenty.")
    allowed_hosts: tuple[f.WebHost, ...] = setting(
        (), "Names that `Host` may have, without port; none: any. Where demo keys work, none means loopback names only."
    )
    max_connections: f.Crowd = setting(
        8192, "Open connections of a worker; one more gets 503. Each call takes two file descriptors."
    )
    max_connections_per_address: f.Crowd | None = setting(
        None, "Open connections of a worker that may come from one address (of IPv6: a /64); left out: no matter which."
    )
    max_in_flight: f.Crowd = setting(2000, "Requests that a worker answers at the same time; one more gets 503.")
    max_in_flight_per_key: f.Crowd | None = setting(
        None, "Calls of one key that a worker has in flight at the same time; one more gets 503. Left out: any."
    )
    wrong_keys_per_minute: f.Crowd = setting(
        60, "Requests without a good key that an address may send to a worker in a minute; then 429 until it pauses."
    )
    trusted_proxies: tuple[f.Network, ...] = setting(
        (), "Addresses or networks of proxies whose `X-Forwarded-For` says who asks; none: who connects is who asks."
    )
    max_body_bytes: f.BodyBytes = setting(33_554_432, "Largest request body; a larger one gets 413.")
    max_body_memory: f.BodyMemory = setting(
        268_435_456,
        "Bytes of request bodies that a worker holds at the same time, half of them of one key at most; more gets 503. "
        "At least `max_body_bytes`.",
    )
    header_seconds: f.Seconds = setting(10, "How long a request's headers may take to arrive; then 408.")
    body_seconds: f.Seconds = setting(
        60, "How long a request's body may take to arrive, and a second more for each 16 KiB that have; then 408."
    )
    keepalive_seconds: f.Seconds = setting(75, "How long a connection may wait for its next request.")
    drain_seconds: f.DrainSeconds = setting(30, "How long calls in flight may go on when the gateway stops.")
    stall_seconds: f.Seconds = setting(60, "How long a client may read nothing of an answer before it counts as gone.")
    cors_origins: tuple[f.WebOrigin, ...] = setting(
        (), "Origins of web pages that may read consumption logs, such as `https://app.example.com`; never `*`."
    )


def check_server(section: ServerSection, findings: Findings) -> None:
    """Note what is wrong with the section as a whole."""
    if section.max_body_memory < section.max_body_bytes:
        findings.add(("server", "max_body_memory"), "is below max_body_bytes: no body of that size would have room")


class AdminSection(Section):
    """`admin:`."""

    host: f.Host = setting(
        "127.0.0.1", "Address of the listener for operators: health, metrics, workers; no keys asked."
    )
    port: f.Port = setting(8081, "Its port; 0 takes a free one.")
