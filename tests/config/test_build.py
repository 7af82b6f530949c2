"""The step from document to value."""

from dataclasses import FrozenInstanceError
from pathlib import Path
from types import MappingProxyType

import pytest

from gateway.config import Admin, Credits, LedgerConfig, Server, StoreConfig, load
from gateway.model import MICROS, Enforcement, Quotas, Secret, Unpriced, Weights
from tests.config.files import ACME, BASE, document, load_text


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    """A file with nothing but a provider gives a complete configuration."""
    path = tmp_path / "config.yaml"
    path.write_text(BASE["providers"])
    config = load(path, {})
    assert config.server == Server("127.0.0.1", 8080, 33_554_432, 30)
    assert (config.server.workers, config.admin) == (1, Admin("127.0.0.1", 8081))
    assert config.store == StoreConfig(Secret("embedded"), tmp_path / "data", 400, allow_volatile=False)
    assert config.ledger == LedgerConfig(Enforcement.HARD, 2048, 4096, 60, Weights(MICROS, MICROS, MICROS, MICROS))
    assert (config.ledger.unpriced, config.prices) == (Unpriced.REFUSE, {})
    assert (config.timezone, config.default_purpose, config.quotas) == ("UTC", "QA", Quotas(-1, -1, -1))
    assert config.credits == Credits(MICROS, MappingProxyType({}), "UTC")
    assert (config.keys, config.budgets, config.companies, config.secrets) == ((), (), {}, frozenset())


def test_settings_arrive() -> None:
    """What the file says is in the value, in its units."""
    config = load_text(
        document(
            "ledger: {enforcement: shadow, tranche_tokens: 1, default_output_tokens: 2, lease_seconds: 3, "
            "weights: {input: 0, output: 2.5}, unpriced: free}",
            "store: {url: 'unix:///v.sock?password=pw', data_dir: /var/lib/gateway, retention_days: 1, "
            "allow_volatile: true}",
            "credits: {per_1k_tokens: 0.000001, timezone: Asia/Tokyo}",
            "quotas: {daily: 1, weekly: 2, monthly: 3}",
        )
    )
    assert config.ledger == LedgerConfig(
        Enforcement.SHADOW, 1, 2, 3, Weights(0, 2_500_000, MICROS, MICROS), Unpriced.FREE
    )
    assert config.store == StoreConfig(
        Secret("unix:///v.sock?password=pw"), Path("/var/lib/gateway"), 1, allow_volatile=True
    )
    assert config.credits == Credits(1, MappingProxyType({}), "Asia/Tokyo")
    assert config.quotas == Quotas(1, 2, 3)
    assert "pw" in config.secrets


def test_nothing_can_be_changed() -> None:
    """A configuration is frozen through and through."""
    config = load_text(document())
    with pytest.raises(FrozenInstanceError):
        config.timezone = "CET"  # type: ignore[misc]
    for mapping in (
        config.providers,
        config.prices,
        config.purposes,
        config.companies,
        config.users,
        config.agents,
        config.credits.models,
    ):
        assert isinstance(mapping, MappingProxyType)
    with pytest.raises(TypeError):
        config.companies[ACME] = None  # type: ignore[index]
