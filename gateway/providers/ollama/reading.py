"""A client's request in Ollama's language, understood: the Call that everything after it works with.

The rules that matter: an answer flows unless `stream` is false, and `num_predict` bounds it only where it is above 0.
All that a model says is shown as it comes, its thinking included; tools are run by the client.
(https://github.com/ollama/ollama/blob/main/docs/api.md)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model import Call, Endpoint, Media, MediaKind, Request
from gateway.providers.decoding import decode
from gateway.providers.fields import invalid, missing, optional, required, wrong_type
from gateway.providers.headers import forward_headers
from gateway.providers.media import inline
from gateway.providers.ollama.refusals import refuse, refuse_options, refuse_respelled_in
from gateway.providers.openai.reading import read_model

_MOST_TOKENS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an operation's own fields say: the bound, the images, whether a tool's result comes last."""

    output_bound: int | None
    media: tuple[Media, ...] = ()
    is_tool_turn: bool = False


def read(request: Request) -> Call:
    """Decode and understand a request: check the body's fields and make the Call of it.

    Raises BadRequest naming the field. Without messages or a prompt it only loads or unloads a model.
    """
    body = decode(request.body)
    refuse(body)
    model = read_model(body)
    is_embedding = request.endpoint is Endpoint.OLLAMA_EMBED
    stream = not is_embedding and optional(body, "stream", bool) is not False
    shape = _shape(request.endpoint, body)
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body),
        model=model,
        stream=stream,
        wants_usage=True,
        output_bound=shape.output_bound,
        choices=1,
        media=shape.media,
        has_tools=bool(optional(body, "tools", list)),
        # A template of the client's own may repeat the prompt as often as it likes.
        has_unseen=bool(body.get("template")),
        can_cap=not is_embedding,
        is_tool_turn=shape.is_tool_turn,
        session=request.session,
        headers=forward_headers(request.headers),
        thinks=False,
    )


def is_loading(call: Call) -> bool:
    """Say whether a call asks for nothing to be said: Ollama then loads the model, or unloads it."""
    body = call.body
    match call.endpoint:
        case Endpoint.OLLAMA_CHAT:
            return not body.get("messages")
        case Endpoint.OLLAMA_GENERATE:
            return not any(body.get(name) for name in ("prompt", "suffix", "images", "context"))
        case _:
            return False


def _shape(endpoint: Endpoint, body: Mapping[str, Any]) -> _Shape:
    match endpoint:
        case Endpoint.OLLAMA_CHAT:
            messages = optional(body, "messages", list) or []
            media = tuple(image for place, message in enumerate(messages) for image in _message(message, place))
            is_tool_turn = bool(messages) and messages[-1].get("role") == "tool"
            return _Shape(_output_bound(body), media, is_tool_turn)
        case Endpoint.OLLAMA_GENERATE:
            for name in ("prompt", "suffix", "system", "template"):
                optional(body, name, str)
            optional(body, "context", list)
            return _Shape(_output_bound(body), tuple(_images(body, "")))
        case _:
            _check_input(body)
            _output_bound(body)
            return _Shape(0)


def _output_bound(body: Mapping[str, Any]) -> int | None:
    """Read `options.num_predict`; 0 and less are no bound (-1: endless, -2: to the end of the context)."""
    options = optional(body, "options", dict) or {}
    refuse_options(options)
    bound = optional(options, "num_predict", int, at="options.")
    if bound is None or bound <= 0:
        return None
    if bound > _MOST_TOKENS:
        raise invalid("options.num_predict", f"it must be at most {_MOST_TOKENS}")
    return bound


def _message(message: Any, place: int) -> Iterator[Media]:
    """Check a message; give its images."""
    at = f"messages[{place}]"
    if type(message) is not dict:
        raise wrong_type(at, "an object", message)
    refuse_respelled_in(message, f"{at}.")
    required(message, "role", str, at=f"{at}.")
    optional(message, "content", str, at=f"{at}.")
    yield from _images(message, f"{at}.")


def _images(holder: Mapping[str, Any], at: str) -> Iterator[Media]:
    for place, image in enumerate(optional(holder, "images", list, at=at) or []):
        if type(image) is not str:
            raise wrong_type(f"{at}images[{place}]", "a string", image)
        yield inline(MediaKind.IMAGE, image)


def _check_input(body: Mapping[str, Any]) -> None:
    value = body.get("input")
    if value is None:
        raise missing("input")
    if type(value) is list:
        for place, text in enumerate(value):
            if type(text) is not str:
                raise wrong_type(f"input[{place}]", "a string", text)
    elif type(value) is not str:
        raise wrong_type("input", "a string or an array", value)
