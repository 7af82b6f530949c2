"""Rankings of documents by their relevance to a query, as vLLM, Jina, Cohere and others serve them.

The rule that matters: such a model reads the query once more with each document, so its input is larger than the body.
A server that says its tokens says only their total, which is input; one that bills searches says none.
(https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, https://docs.cohere.com/reference/rerank)
"""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.model import Call, Request, Route, Usage
from gateway.providers.decoding import decode
from gateway.providers.fields import invalid, missing, optional, required, unsupported, wrong_type
from gateway.providers.format import JSON as TAKES
from gateway.providers.headers import forward_headers
from gateway.providers.openai.endings import error_event
from gateway.providers.openai.events import is_count, open_answer, usage_in
from gateway.providers.openai.meter import meter
from gateway.providers.openai.reading import read_model, read_purpose
from gateway.providers.openai.refusals import MEDIA, refuse
from gateway.providers.openai.sending import outgoing_renamed as outgoing
from gateway.providers.sse import is_stream

__all__ = [
    "TAKES",
    "answer_texts",
    "cut_frame",
    "error_event",
    "is_stream",
    "is_visible",
    "meter",
    "outgoing",
    "prompt",
    "prompt_texts",
    "read",
    "usage_of",
]

MOST_DOCUMENTS = 10_000
"""Cohere's own limit (https://docs.cohere.com/docs/rerank-overview)."""

_PAIR_TOKENS = 8
"""What stands around a query and a document: four special tokens in XLM-RoBERTa's pairs, the largest of its kind."""

_ADDRESSES = ("image", "image_url", "url")


def read(request: Request) -> Call:
    """Decode and understand a request. Raises BadRequest naming the field.

    `body_bytes` counts the query for each document, as the model reads it.
    """
    body = decode(request.body)
    model = read_model(body, request.params)
    refuse(body, MEDIA)
    if optional(body, "stream", bool):
        raise unsupported("stream", "rankings are not streamed")
    query = required(body, "query", str)
    documents = _documents(body)
    pairs = (len(documents) - 1) * len(query.encode("utf-8", "surrogatepass")) + len(documents) * _PAIR_TOKENS
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body) + pairs,
        model=model,
        stream=False,
        wants_usage=True,
        output_bound=0,
        choices=1,
        has_unseen=any(_is_elsewhere(document) for document in documents),
        can_cap=False,
        session=request.session,
        purpose=read_purpose(body),
        user=optional(body, "user", str),
        headers=forward_headers(request.headers),
        thinks=False,
    )


def _documents(body: Mapping[str, Any]) -> list[Any]:
    documents = optional(body, "documents", list)
    if documents is None:
        raise missing("documents")
    if not 0 < len(documents) <= MOST_DOCUMENTS:
        raise invalid("documents", f"there are 1 to {MOST_DOCUMENTS} of them")
    for place, document in enumerate(documents):
        if type(document) is not str and type(document) is not dict:
            raise wrong_type(f"documents[{place}]", "a string or an object", document)
    return documents


def _is_elsewhere(document: Any) -> bool:
    """Say whether the provider has to fetch a document: a picture by its address."""
    if type(document) is not dict:
        return False
    found = [document.get(name) for name in _ADDRESSES]
    return any(type(one) is str and one.startswith(("http://", "https://")) for one in found)


def is_visible(_call: Call, _route: Route) -> bool:
    """Say no: there is no stream."""
    return False


def prompt(call: Call) -> Any:
    """Give each document with the query before it."""
    query = call.body["query"]
    return {"documents": [[query, document] for document in call.body["documents"]]}


def prompt_texts(call: Call) -> Iterable[str]:
    """Give the query and the texts of the documents, each once."""
    yield call.body["query"]
    for document in call.body["documents"]:
        found = document if type(document) is str else document.get("text")
        if type(found) is str:
            yield found


def usage_of(_call: Call, body: bytes) -> Usage | None:
    """Read the usage: `usage` (vLLM, Jina, OpenRouter), else the tokens among Cohere's `meta`; searches are none."""
    answer = open_answer(body)
    if answer is None:
        return None
    usage = usage_in(answer.usage)
    if usage is not None or type(answer.meta) is not dict:
        return usage
    told = [answer.meta.get(name) for name in ("tokens", "billed_units")]
    numbers = [one.get("input_tokens") for one in told if type(one) is dict]
    return next((Usage(number) for number in numbers if number and is_count(number)), None)


def answer_texts(_call: Call, _body: bytes) -> list[str]:
    """Give nothing: the answer holds scores."""
    return []


def cut_frame(_call: Call, _template: bytes | None) -> bytes:
    """Give nothing: there is no stream."""
    return b""
