"""What the demo model says, and OpenAI's shapes for it. No I/O.

The one rule that matters: the usage is true - what is reported is what was counted of what was sent, and the limits
that a request names are kept.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

Count = Callable[[str], int]

QUOTE_CHARS = 80
MAX_CHOICES = 16
WELCOME = (
    "Hello! I am the demo model that is built into this gateway; nothing you write to me leaves this machine. "
    "{heard}"
    "What to try next: look at the RateLimit headers of this answer. "
    "GET /v1/budget shows what each of your budgets holds and when it resets. "
    'Send "stream": true to watch me arrive word by word. '
    "Then keep asking until a budget is spent: the 429 will say which one, what it lacked, and when to come back."
)


class Message(msgspec.Struct):
    """A chat message; parts that are not text are passed over."""

    role: str = ""
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """The text of the message."""
        if isinstance(self.content, list):
            return "".join(part["text"] for part in self.content if isinstance(part.get("text"), str))
        return self.content or ""


class StreamOptions(msgspec.Struct):
    """What a stream shall hold beside the text."""

    include_usage: bool = False


class TextCall(msgspec.Struct):
    """The fields of POST /chat/completions and /completions that matter here; all others are tolerated."""

    model: str
    messages: list[Message] = []
    prompt: Any = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None


class UsageDocument(msgspec.Struct):
    """OpenAI's usage object."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: the pieces of its text (the same for each choice) and what it took."""

    id: str
    model: str
    is_chat: bool
    choices: int
    pieces: tuple[str, ...]
    finish_reason: str
    usage: UsageDocument
    shows_usage: bool


def reply_to(call: TextCall, count: Count, *, reply_id: str, is_chat: bool) -> Reply:
    """Compose the answer to a call within its limits; tokens are counted piece by piece."""
    heard = _last_words(call) if is_chat else str(call.prompt)
    pieces, tokens, is_cut = _fit(_text(heard), count, _limit(call))
    choices = min(max(call.n or 1, 1), MAX_CHOICES)
    prompt_tokens = _prompt_tokens(call, count, is_chat=is_chat)
    completion_tokens = tokens * choices
    usage = UsageDocument(prompt_tokens, completion_tokens, prompt_tokens + completion_tokens)
    shows_usage = call.stream_options is not None and call.stream_options.include_usage
    finish_reason = "length" if is_cut else "stop"
    return Reply(reply_id, call.model, is_chat, choices, tuple(pieces), finish_reason, usage, shows_usage)


def document(reply: Reply, created_seconds: int) -> dict[str, Any]:
    """Give the answer in one piece."""
    text = "".join(reply.pieces)
    said = {"message": {"role": "assistant", "content": text, "refusal": None}} if reply.is_chat else {"text": text}
    kind = "chat.completion" if reply.is_chat else "text_completion"
    choices = [
        {"index": index, **said, "logprobs": None, "finish_reason": reply.finish_reason}
        for index in range(reply.choices)
    ]
    return {**_head(reply, kind, created_seconds), "choices": choices, "usage": msgspec.to_builtins(reply.usage)}


def frames(reply: Reply, created_seconds: int) -> Iterator[dict[str, Any]]:
    """Give the frames of a stream before `[DONE]`: a role, a frame a word, the reason it ended, usage if asked for."""
    head = _head(reply, "chat.completion.chunk" if reply.is_chat else "text_completion", created_seconds)
    if reply.shows_usage:
        head["usage"] = None
    for index in range(reply.choices):
        if reply.is_chat:
            yield _frame(head, index, {"delta": {"role": "assistant", "content": ""}})
        for piece in reply.pieces:
            yield _frame(head, index, {"delta": {"content": piece}} if reply.is_chat else {"text": piece})
        yield _frame(head, index, {"delta": {}} if reply.is_chat else {"text": ""}, reply.finish_reason)
    if reply.shows_usage:
        yield {**head, "choices": [], "usage": msgspec.to_builtins(reply.usage)}


def _frame(head: dict[str, Any], index: int, said: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {**head, "choices": [{"index": index, **said, "logprobs": None, "finish_reason": finish_reason}]}


def _head(reply: Reply, kind: str, created_seconds: int) -> dict[str, Any]:
    return {"id": reply.id, "object": kind, "created": created_seconds, "model": reply.model}


def _text(heard: str) -> str:
    words = " ".join(heard[: 4 * QUOTE_CHARS].split())
    if not words:
        return WELCOME.format(heard="")
    # A lone surrogate is legal in JSON input and cannot be encoded.
    quote = words[:QUOTE_CHARS].encode("utf-8", "replace").decode()
    dots = "..." if len(words) > QUOTE_CHARS or len(heard) > 4 * QUOTE_CHARS else ""
    return WELCOME.format(heard=f'You said: "{quote}{dots}" ')


def _last_words(call: TextCall) -> str:
    return next((message.text for message in reversed(call.messages) if message.role == "user"), "")


def _limit(call: TextCall) -> int | None:
    limits = [limit for limit in (call.max_completion_tokens, call.max_tokens) if limit is not None]
    return min(limits, default=None)


def _fit(text: str, count: Count, limit_tokens: int | None) -> tuple[list[str], int, bool]:
    """Cut the text before each word, and keep as many pieces as the limit has room for."""
    kept: list[str] = []
    tokens = 0
    for piece in re.findall(r"\s?\S+|\s+$", text):
        more = count(piece)
        if limit_tokens is not None and tokens + more > limit_tokens:
            return kept, tokens, True
        kept.append(piece)
        tokens += more
    return kept, tokens, False


def _prompt_tokens(call: TextCall, count: Count, *, is_chat: bool) -> int:
    """Count by OpenAI's formula for text messages (cookbook, "How to count tokens with tiktoken")."""
    if not is_chat:
        return count(call.prompt if isinstance(call.prompt, str) else str(call.prompt))
    return 3 + sum(3 + count(message.role) + count(message.text) for message in call.messages)
