"""Owns the section `warnings:`: its settings, and what they mean."""

from gateway.config import fields as f
from gateway.config.section import Section, required, setting
from gateway.config.value import WarningsConfig, Webhook
from gateway.model import Secret


class WebhookSection(Section):
    """`warnings.webhook:`."""

    url: f.WebhookUrl = required("Where warnings are posted, `https://HOST/PATH`; treated as a secret.")
    secret: f.SigningSecret = required("What they are signed with, best as `${NAME}`: 16 characters or more.")
    timeout_seconds: f.WebhookSeconds = setting(5, "How long the receiver may take, 1 to 60.")


class WarningsSection(Section):
    """`warnings:`."""

    thresholds: f.Percents = setting((80, 95, 100), "At which percent of each budget to warn; `[]`: never.")
    webhook: WebhookSection | None = setting(None, "Who is told beside the log.")


def build_warnings(section: WarningsSection) -> WarningsConfig:
    """Make the value of the section."""
    hook = section.webhook
    webhook = Webhook(Secret(hook.url), Secret(hook.secret), hook.timeout_seconds) if hook else None
    return WarningsConfig(section.thresholds, webhook)


def secrets_of(section: WarningsSection) -> set[str]:
    """Give the texts that must not be shown."""
    return {section.webhook.url, section.webhook.secret} if section.webhook else set()
