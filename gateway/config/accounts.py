"""Owns the section `providers:`: which settings an upstream account has."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from gateway.config import fields as f
from gateway.config.pricing import ModelPriceSection
from gateway.config.section import Section, required, setting
from gateway.model import OnDisconnect, Timeouts


class ModelSection(Section):
    """`providers.NAME.models.MODEL:`."""

    max_output_tokens: f.ModelTokens | None = setting(None, "The longest answer that the model can give.")
    reasoning: f.Switch | None = setting(
        None, "Whether it thinks unseen, so that its output cannot be watched; left out, its name decides."
    )
    price: ModelPriceSection | None = setting(
        None, "What budgets in dollars count; left out, the price that is publicly known of its provider."
    )


class TimeoutsSection(Section):
    """`providers.NAME.timeouts:`."""

    connect: f.Seconds = setting(Timeouts().connect, "Seconds to accept a connection.")
    first_byte: f.Seconds = setting(Timeouts().first_byte, "Seconds until the answer begins.")
    between_bytes: f.Seconds = setting(Timeouts().between_bytes, "Seconds between two reads of the answer.")
    total: f.Seconds = setting(Timeouts().total, "Seconds until the answer has ended, however it flows; then cut.")


class TemplateTokensSection(Section):
    """`providers.NAME.template_tokens:`."""

    plain: f.PromptTokens = required("To a prompt without tools.")
    tools: f.PromptTokens = required("To a prompt with tools; not below `plain`.")


class ProviderSection(Section):
    """`providers.NAME:`."""

    dialect: f.Dialect = required(
        "What it speaks: `openai` (any compatible server), `azure`, `anthropic`, `gemini`, `ollama`, `bedrock`, or "
        "`demo` (the built-in model)."
    )
    base_url: f.BaseUrl | None = setting(
        None,
        "Where it is: with the version for `openai` (`https://api.openai.com/v1`), without it for all others "
        "(`https://api.anthropic.com`); required, except for `demo`.",
    )
    api_key: f.Credential | None = setting(
        None, "Its credential, sent as its dialect wants it; left out, none is sent; empty, the provider is off."
    )
    models: Annotated[dict[f.ModelName, ModelSection], Field(min_length=1)] = required(
        "What it serves, by exact name or by a pattern with `*`; an exact name beats a pattern."
    )
    chargeable: f.Switch = setting(True, "Whether we pay for it (`$` in usage), or the customer does.")
    media_tokens: f.PromptTokens | None = setting(
        None, "What an image, sound or file in a prompt is taken to cost; left out: its size and its model tell."
    )
    unseen_tokens: f.PromptTokens = setting(
        200_000, "What is held for a part of a prompt that only it knows: stored answers and files, its own tools."
    )
    api_version: f.ApiVersion | None = setting(None, "Azure's `api-version`; left out, the address is its v1 API.")
    template_tokens: TemplateTokensSection | None = setting(
        None,
        "What its chat template adds to a prompt; left out: what is known of its model's vendor, at most 700, with "
        "tools 1,500. Not for OpenAI's own models.",
    )
    timeouts: TimeoutsSection = setting(TimeoutsSection(), "How long it may keep a call waiting.")
    ca_file: f.FilePath | None = setting(
        None, "PEM file of the authorities to trust instead of the system's, from this file's directory."
    )
    cert_file: f.FilePath | None = setting(
        None, "PEM file of our certificate and its key, without a password, where the provider asks for one."
    )
    headers: dict[f.HeaderName, f.HeaderValue] = setting({}, "Sent with every request; treated as secrets.")
    on_disconnect: f.Disconnect = setting(
        OnDisconnect.CLOSE, "When the client of a stream leaves: `close` the stream, or `drain` it."
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_empty_key(cls, data: Any) -> Any:
        # `api_key:` with nothing behind it must mean "off", as an empty variable does, not "send none".
        is_empty = isinstance(data, dict) and "api_key" in data and data["api_key"] is None
        return {**data, "api_key": ""} if is_empty else data
