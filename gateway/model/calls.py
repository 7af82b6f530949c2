"""What is asked and what it took: providers, routes, calls, estimates, usage."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from gateway.model.endpoints import Endpoint


class Secret:
    """A credential that never shows itself: `repr`, `str` and formatting give `***`; only `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text, for the one header it belongs in."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__


class OnDisconnect(StrEnum):
    """What happens upstream when the client of a stream leaves."""

    CLOSE = "close"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model that a provider lists: an exact name or a pattern with `*`; None where nothing is known."""

    name: str
    max_output_tokens: int | None = None
    reasoning: bool | None = None

    @property
    def is_pattern(self) -> bool:
        """Whether the name stands for several models."""
        return "*" in self.name


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds a provider may take: to accept a connection, to send its first byte, between two reads, for all of it."""

    connect: float = 5.0
    first_byte: float = 300.0
    between_bytes: float = 120.0
    total: float = 3600.0


@dataclass(frozen=True, slots=True)
class TemplateTokens:
    """What a provider's chat template adds to a prompt, unseen: to a plain one, and to one with tools."""

    plain: int
    tools: int


@dataclass(frozen=True, slots=True)
class Provider:
    """An upstream account. It is off while a credential is required (`api_key` given in the file) but empty.

    `media_tokens` and `template_tokens` None: what is known of each model's family. `unseen_tokens` is what is held for
    a part of a prompt that only the provider knows. `api_version` is Azure's.
    """

    name: str
    dialect: str
    base_url: str
    api_key: Secret | None = None
    models: tuple[ModelSpec, ...] = ()
    chargeable: bool = True
    media_tokens: int | None = None
    unseen_tokens: int = 200_000
    api_version: str | None = None
    template_tokens: TemplateTokens | None = None
    timeouts: Timeouts = Timeouts()
    ca_file: str | None = None
    cert_file: str | None = None
    headers: tuple[tuple[str, Secret], ...] = ()
    on_disconnect: OnDisconnect = OnDisconnect.CLOSE

    @property
    def is_off(self) -> bool:
        """Whether its credential expanded to nothing."""
        return self.api_key is not None and not self.api_key


class Route(msgspec.Struct, frozen=True, gc=False):
    """Where a model lives: its provider, the matching entry of that provider's list, the name the upstream knows."""

    provider: Provider
    spec: ModelSpec
    model: str


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a client sent to a metered endpoint, not understood yet.

    `params` are the values of the path's segments, `query` those of the query string (the last of a repeated name);
    `session` comes from a header.
    """

    endpoint: Endpoint
    call_id: str
    body: bytes
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    params: Mapping[str, str] = msgspec.field(default_factory=dict)
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    session: str | None = None


class MediaKind(StrEnum):
    """What a part of a prompt is that is not text."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Media:
    """A part of a prompt that is not text: what its own first bytes say of it; None where they do not, or are not here.

    `characters` is how much of the body's bytes it takes inline (0: it is named by a URL, which is never fetched).
    `detail` is the resolution that the client asks for, in its provider's word.
    """

    kind: MediaKind
    characters: int = 0
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    pages: int | None = None
    detail: str | None = None


class Call(msgspec.Struct, frozen=True, gc=False):
    """One request as data. `body` is what the client sent, decoded and checked; nothing mutates it.

    `output_bound` is the most completion tokens that the client allows per choice (None: it named none; 0: the
    operation has none), `choices` how many completions may be produced (each round of a tool that the provider runs is
    one more), `wants_usage` whether the client itself asked for the usage frame of a stream.

    `has_tools`: tool definitions stand in the prompt. `has_unseen`: part of the prompt is known to the provider only
    (stored, fetched or found by it). `least_output` is the smallest bound that the wire format takes, `can_cap` whether
    it takes one at all. `is_free`: providers charge nothing for the operation. `is_tool_turn`: the last message is a
    tool's result. `service` is the level of service that is asked for, where that has a price of its own. `purpose` and
    `user` are what the body says of them, unchecked. `thinks`: the request turns thinking that no stream shows on or
    off (None: it does not say). `other_models` are asked by a tool that the provider runs.
    `is_bounded`: the provider keeps to `output_bound`; else that is only what is expected, and more may come.
    `query` goes upstream with the path, its question mark included.
    """

    id: str
    endpoint: Endpoint
    body: Mapping[str, Any]
    body_bytes: int
    model: str
    stream: bool
    wants_usage: bool
    output_bound: int | None
    choices: int
    media: tuple[Media, ...] = ()
    has_tools: bool = False
    has_unseen: bool = False
    least_output: int = 1
    can_cap: bool = True
    is_free: bool = False
    is_tool_turn: bool = False
    service: str | None = None
    session: str | None = None
    purpose: object = None
    user: str | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    thinks: bool | None = None
    other_models: tuple[str, ...] = ()
    query: str = ""
    is_bounded: bool = True


class Estimate(msgspec.Struct, frozen=True, gc=False):
    """Prompt tokens before the call: never below the truth; `exact` when counted with the model's own vocabulary.

    `uncorrected_tokens` is the count of a prompt of text alone before what was learned of its model went into it: what
    a correction is learned from; None where there is no such count.
    """

    prompt_tokens: int
    exact: bool
    uncorrected_tokens: int | None = None


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What a call consumed. input includes cached and cache-write tokens, output includes reasoning (OTel GenAI).

    `estimated`: the provider did not say, so this is counted or assumed, never below the truth. The audio tokens are
    part of input and output, those of the one-hour cache part of cache creation; each has a price of its own.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cache_creation_1h_tokens: int = 0
