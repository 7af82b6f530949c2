"""What stands in deploy/ fits the program: its configurations load, its ports, paths and times are the gateway's."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.app.table import TABLE
from gateway.config import Config, load

DEPLOY = Path(__file__).parents[2] / "deploy"
ENVIRONMENT = {
    "ADA_KEY": "a-key-of-sixteen-characters",
    "OPENAI_API_KEY": "sk-anything",
    "STORE_PASSWORD": "secret",
    "STORE_URL": "rediss://:secret@valkey:6379/0",
}
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
MANIFESTS: dict[tuple[str, str], dict[str, Any]] = {
    (one["kind"], one["metadata"]["name"]): one
    for one in yaml.safe_load_all((DEPLOY / "kubernetes" / "gateway.yaml").read_text("utf-8"))
}
POD = MANIFESTS["Deployment", "gateway"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
MIB = 2**20
TIMES_BODIES = 3
WORKER_BYTES = 160 * MIB
SUPERVISOR_BYTES = 100 * MIB
"""The supervisor and the fork server."""

NGINX = re.sub(r"#.*", "", (DEPLOY / "nginx" / "gateway.conf").read_text("utf-8"))


def size_bytes(quantity: str) -> int:
    """Give the bytes of a quantity of Kubernetes': `512Mi`, `1Gi`."""
    return int(quantity[:-2]) * {"Mi": MIB, "Gi": 1024 * MIB}[quantity[-2:]]


@pytest.fixture(params=["compose", "kubernetes"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """Load a configuration of deploy/ as the gateway does."""
    in_compose = (DEPLOY / "gateway.yaml").read_text("utf-8")
    text = in_compose if request.param == "compose" else MANIFESTS["ConfigMap", "gateway"]["data"]["config.yaml"]
    path = tmp_path / "config.yaml"
    path.write_text(text, "utf-8")
    return load(path, ENVIRONMENT)


def test_the_configurations_are_for_several_hosts(config: Config) -> None:
    """They load, listen beyond loopback with keys of their own, and share a store that is not embedded."""
    assert (config.server.host, config.admin.host, config.admin.port) == ("0.0.0.0", "0.0.0.0", 8081)  # noqa: S104
    assert config.store.url.reveal().startswith(("redis://", "rediss://"))
    assert [key.name for key in config.keys] == ["ada-laptop"]


def test_the_journal_has_a_place_where_it_may_be_written(config: Config) -> None:
    """The file systems are read-only: `store.data_dir` is a volume in both."""
    mounts = {mount["mountPath"]: mount["name"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert str(config.store.data_dir) == "/data"
    assert "emptyDir" in volumes[mounts["/data"]]
    assert "journal:/data" in COMPOSE["services"]["gateway"]["volumes"]
    assert "journal" in COMPOSE["volumes"]


def test_a_gateway_may_end_its_calls(config: Config) -> None:
    """Whoever stops it waits longer than it drains."""
    pre_stop_seconds = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] > pre_stop_seconds + config.server.drain_seconds
    assert int(COMPOSE["services"]["gateway"]["stop_grace_period"].removesuffix("s")) > config.server.drain_seconds


def test_probes_ask_for_endpoints_that_exist() -> None:
    """Started and alive ask the process, ready asks the store too; none needs a key."""
    probes = {name: CONTAINER[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }
    assert {probe["path"] for probe in probes.values()} <= set(TABLE)
    assert {probe["port"] for probe in probes.values()} == {"http"}


def test_what_a_pod_takes_fits_its_limit(tmp_path: Path) -> None:
    """Bodies, reckoned as docs/operations.md does, what workers take without calls, the rest, and a /tmp in memory."""
    path = tmp_path / "config.yaml"
    path.write_text(MANIFESTS["ConfigMap", "gateway"]["data"]["config.yaml"], "utf-8")
    server = load(path, ENVIRONMENT).server
    in_memory = [
        volume["emptyDir"]["sizeLimit"]
        for volume in POD["volumes"]
        if volume.get("emptyDir", {}).get("medium") == "Memory"
    ]
    bodies = server.workers * TIMES_BODIES * server.max_body_memory
    others = server.workers * WORKER_BYTES + SUPERVISOR_BYTES + sum(map(size_bytes, in_memory))
    assert bodies + others <= size_bytes(CONTAINER["resources"]["limits"]["memory"])
    assert server.max_body_memory >= 2 * server.max_body_bytes


def test_no_disruption_takes_them_all() -> None:
    """Fewer may go at once than there are, and a roll-out takes none away before another is ready."""
    spec = MANIFESTS["Deployment", "gateway"]["spec"]
    assert 0 < MANIFESTS["PodDisruptionBudget", "gateway"]["spec"]["minAvailable"] < spec["replicas"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_secrets_are_not_in_the_manifests() -> None:
    """Every credential comes from the environment, and each name that is asked for is explained."""
    text = (DEPLOY / "kubernetes" / "gateway.yaml").read_text("utf-8")
    asked = set(re.findall(r"\$\{(\w+)\}", MANIFESTS["ConfigMap", "gateway"]["data"]["config.yaml"]))
    assert asked == set(re.findall(r"--from-literal=(\w+)=", text))
    given = set(COMPOSE["services"]["gateway"]["environment"])
    assert set(re.findall(r"\$\{(\w+)", (DEPLOY / "gateway.yaml").read_text("utf-8"))) <= given


def test_only_loopback_and_only_what_is_meant_is_published() -> None:
    """The store and the admin listener are reachable inside the network alone."""
    ports = {name: service.get("ports", []) for name, service in COMPOSE["services"].items()}
    assert ports["store"] == []
    assert ports["gateway"] == ["127.0.0.1:8080:8080"]
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_the_store_of_compose_is_one_that_the_gateway_starts_on() -> None:
    """It keeps what it is told and throws nothing away."""
    command = COMPOSE["services"]["store"]["command"]
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_what_is_mounted_exists() -> None:
    """Each file and directory that compose.yaml mounts from here is here."""
    mounts = [mount for service in COMPOSE["services"].values() for mount in service.get("volumes", [])]
    local = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert len(local) == 4
    assert [place for place in local if not (DEPLOY / place).exists()] == []


@pytest.mark.parametrize(
    "directive",
    [
        "proxy_request_buffering off",
        "proxy_buffering off",
        "proxy_next_upstream off",
        "access_log off",
        "proxy_http_version 1.1",
        "gzip off",
    ],
)
def test_nginx_passes_streams_as_they_come(directive: str) -> None:
    """What a proxy before the gateway must not do is switched off."""
    assert f"{directive};" in NGINX
    assert NGINX.count("{") == NGINX.count("}") == 3


def test_nginx_waits_as_long_as_a_provider_may_take() -> None:
    """Its patience is above the default of a provider's first byte, and its bodies are the gateway's."""
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", NGINX)
    assert int(seconds) > 300
    assert "client_max_body_size 32m;" in NGINX
