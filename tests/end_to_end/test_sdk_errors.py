"""What goes wrong reaches the app as the SDK's own exception classes, with the words of whoever refused."""

from typing import Any

import openai
import pytest

from tests.end_to_end.conftest import BODY_BYTES, OWN_TOKENS, Client
from tests.end_to_end.serving import FarEnd, Served, used
from tests.end_to_end.test_sdk import HELLO, text
from tests.gateways import ADA_KEY, ADMIN_KEY, OTHER_KEY

SOMEONE = {"X-Gateway-User": "55555555-5555-4555-8555-555555555555"}


@pytest.fixture
def once(sdk: openai.OpenAI) -> openai.OpenAI:
    """Give a client that asks once: the class of an error does not depend on repeating it."""
    return sdk.with_options(max_retries=0)


@pytest.mark.parametrize(
    ("key", "options", "kind", "code"),
    [
        ("no-such-key-0123456789", {}, openai.AuthenticationError, "invalid_api_key"),
        (ADMIN_KEY, {}, openai.PermissionDeniedError, "forbidden"),
        (ADA_KEY, {"extra_headers": SOMEONE}, openai.PermissionDeniedError, "forbidden"),
        (OTHER_KEY, {"model": "gpt-4o"}, openai.NotFoundError, "model_not_found"),
        (ADA_KEY, {"model": "off-model"}, openai.InternalServerError, "provider_off"),
        (ADA_KEY, {"extra_headers": {"Content-Type": "text/plain"}}, openai.APIStatusError, "unsupported_media_type"),
    ],
)
def test_a_refused_call_never_leaves(
    client: Client,
    gateway: Served,
    far_end: FarEnd,
    key: str,
    options: dict[str, Any],
    kind: type[openai.APIStatusError],
    code: str,
) -> None:
    """A key, a model or a body that is not welcome is refused by the gateway, with a class, a code and a request id."""
    sdk = client(gateway, key, max_retries=0)
    with pytest.raises(kind) as caught:
        sdk.chat.completions.create(**{"model": "m:", **HELLO, **options})
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.message
    assert gateway.call_of(caught.value.request_id or "")["status"] == caught.value.status_code
    assert far_end.log() == []


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens"),
        ({"n": 1000}, "n"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"content": "Hello"}]}, "messages[0].role"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": ["web_search"]}, "tools[0]"),
        ({"metadata": {"purpose": "XX"}}, "metadata.purpose"),
        ({"extra_headers": {"X-Gateway-Purpose": "XX"}}, "X-Gateway-Purpose"),
        ({"extra_body": {"api_base": "http://elsewhere.example"}}, "api_base"),
    ],
)
def test_a_wrong_field_is_named(once: openai.OpenAI, far_end: FarEnd, options: dict[str, Any], param: str) -> None:
    """A field that is wrong or may not be said is a 400 that names it in `param`."""
    with pytest.raises(openai.BadRequestError) as caught:
        once.chat.completions.create(**{"model": "m:", **HELLO, **options})
    assert caught.value.param == param
    assert far_end.log() == []


def test_a_body_too_large_is_told(once: openai.OpenAI, far_end: FarEnd) -> None:
    """A body over the limit gets its 413, however long it is: the connection is not cut under the client."""
    for size in (BODY_BYTES, 64 * BODY_BYTES):
        with pytest.raises(openai.APIStatusError) as caught:
            once.completions.create(model="m:", prompt="a" * size)
        assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")
    assert far_end.log() == []


def test_an_endpoint_that_is_not_metered_is_refused(once: openai.OpenAI, far_end: FarEnd) -> None:
    """What the gateway cannot count is no way around it."""
    with pytest.raises(openai.NotFoundError) as caught:
        once.batches.create(completion_window="24h", endpoint="/v1/responses", input_file_id="file-1")
    assert caught.value.code == "endpoint_not_metered"
    with pytest.raises(openai.NotFoundError):
        once.responses.retrieve("resp_1")
    with pytest.raises(openai.NotFoundError):
        once.vector_stores.search("vs_1", query="Hello")
    assert far_end.log() == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (422, openai.UnprocessableEntityError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_a_providers_refusal_is_its_own(
    once: openai.OpenAI, status: int, kind: type[openai.APIStatusError], stream: bool
) -> None:
    """Status and words are the provider's, asked for a stream or not, and nothing is charged."""
    with pytest.raises(kind, match=r"The far end was told to fail\.") as caught:
        once.chat.completions.create(model=f"m:status-{status}", stream=stream, **HELLO)
    assert caught.value.status_code == status
    assert caught.value.response.headers["x-request-id"].startswith("0")
    assert used(once, "own") == 0


def test_a_providers_rate_limit_passes(once: openai.OpenAI) -> None:
    """Its 429 keeps its Retry-After and says nothing of a budget of ours."""
    with pytest.raises(openai.RateLimitError) as caught:
        once.chat.completions.create(model="m:status-429.retry-7", **HELLO)
    assert caught.value.response.headers["Retry-After"] == "7"
    assert "x-should-retry" not in caught.value.response.headers
    assert caught.value.code is None
    assert used(once, "own") == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("gone", 502, "upstream_unreachable"),
        ("m:garbage", 502, "upstream_broken"),
        ("hasty/m:silent", 504, "upstream_timeout"),
    ],
)
def test_a_provider_that_fails_is_named(once: openai.OpenAI, model: str, status: int, code: str, stream: bool) -> None:
    """One that is away, talks nonsense or says nothing is a 502 or a 504; charged is only what was sent."""
    with pytest.raises(openai.APIStatusError) as caught:
        once.chat.completions.create(model=model, stream=stream, max_tokens=20, **HELLO)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.type == "api_error"
    assert (used(once, "own") == 0) is (model == "gone")


def test_a_providers_error_in_a_stream_is_raised(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """The text before it is delivered, the error is the provider's, and what came is charged."""
    said = ""
    with pytest.raises(openai.APIError, match=r"The far end broke off\.") as caught:  # noqa: PT012 - it comes in the loop
        for chunk in sdk.chat.completions.create(model="gpt-4o/m:tokens-9.error-5", stream=True, **HELLO):
            said += chunk.choices[0].delta.content or ""
    assert said == text(5)
    assert caught.value.code == "overloaded"
    assert used(sdk, "own") == far_end.served_tokens()


def test_a_connection_cut_in_a_stream_is_raised(sdk: openai.OpenAI) -> None:
    """A provider that breaks off without a word is an error of the stream, not its quiet end."""
    said = ""
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012 - it comes in the loop
        for chunk in sdk.chat.completions.create(model="gpt-4o/m:tokens-40.cut-2000", stream=True, **HELLO):
            said += chunk.choices[0].delta.content or ""
    assert said
    assert text(40).startswith(said)
    assert caught.value.code == "upstream_broken"
    assert 0 < used(sdk, "own") < OWN_TOKENS
