"""Small configurations as text, for the pure parts."""

from pathlib import Path

from gateway.config import Config, load
from tests.cli.running import EXAMPLE

ACME = "11111111-1111-4111-8111-111111111111"
GLOBEX = "22222222-2222-4222-8222-222222222222"
ADA = "33333333-3333-4333-8333-333333333333"
BOB = "44444444-4444-4444-8444-444444444444"
DESK = "55555555-5555-4555-8555-555555555555"
SECRET = "a-secret-that-nobody-may-see"

TEXT = f"""
server: {{port: 9000}}
ledger: {{enforcement: soft}}
providers:
  paid:
    dialect: openai
    base_url: "https://paid.example/v1"
    api_key: {SECRET}
    template_tokens: {{plain: 0, tools: 25}}
    models: {{large: {{max_output_tokens: 500}}, "*": {{}}}}
  off: {{dialect: openai, base_url: "https://off.example/v1", api_key: "", chargeable: false, models: {{other: {{}}}}}}
purposes: {{QA: {{description: Questions}}, DT: {{}}}}
quotas: {{daily: 100, monthly: 0}}
companies:
  - {{id: {ACME}, name: acme, budget: {{tokens: 5000, window_days: 7}}}}
  - {{id: {GLOBEX}, name: globex}}
users:
  - {{id: {ADA}, name: ada, company: acme, quotas: {{daily: -1}}}}
  - {{id: {BOB}, name: bob, company: acme}}
agents: [{{id: {DESK}, name: desk, company: acme}}]
keys:
  - {{name: laptop, key: {SECRET}-1, company: acme, user: ada, agent: desk, purposes: [DT], models: ["large"]}}
  - {{name: old, key: {SECRET}-2, company: globex, expires: 2026-01-01}}
  - {{name: ops, key: {SECRET}-3, role: admin}}
budgets:
  - {{name: at-once, scope: agent, company: acme, agent: desk, unit: in_flight, limit: 2}}
  - name: closed
    scope: user
    company: acme
    window: {{calendar: week}}
    limit: 0
    match: {{model: "large", purpose: D*}}
    enforcement: shadow
"""

KEYLESS = f"""
providers: {{demo: {{dialect: demo, models: {{demo: {{}}}}}}}}
companies: [{{id: {ACME}, name: acme}}]
"""


def configured(directory: Path, text: str = TEXT) -> Config:
    """Load a configuration of this text."""
    path = directory / "config.yaml"
    path.write_text(text, "utf-8")
    return load(path, {})


def example() -> Config:
    """Load config.example.yaml as it is published."""
    return load(EXAMPLE, {})
