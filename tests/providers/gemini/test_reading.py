"""A request becomes a Call: what is held and charged is read exactly, in either spelling."""

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.model import Call, Endpoint, Media, MediaKind
from tests.providers.gemini.asking import HELLO, MODEL, PNG, ask, call_of, told

CONFIG = {"maxOutputTokens": 50, "candidateCount": 2, "temperature": 0.1}
SNAKE = {"max_output_tokens": 50, "candidate_count": 2, "temperature": 0.1}


@pytest.mark.parametrize("fields", [{"generationConfig": CONFIG}, {"generation_config": SNAKE}])
def test_the_bound_and_the_choices(fields: dict[str, Any]) -> None:
    """They stand in the generation's configuration."""
    call = ask(**fields)
    assert (call.output_bound, call.choices, call.model, call.stream) == (50, 2, MODEL, False)
    assert (call.wants_usage, call.can_cap, call.is_free, call.has_tools, call.has_unseen) == (
        True,
        True,
        False,
        False,
        False,
    )


def test_nothing_said_is_nothing_bounded() -> None:
    """Without a configuration there is no bound, and one candidate."""
    call = ask()
    assert (call.output_bound, call.choices, call.query, call.media, call.is_tool_turn) == (None, 1, "", (), False)


@pytest.mark.parametrize(("alt", "query"), [(None, ""), ("json", ""), ("sse", "?alt=sse")])
def test_the_path_streams_and_alt_says_how(alt: str | None, query: str) -> None:
    """Events where the client asked for them, else an array."""
    call = ask(stream=True, alt=alt)
    assert (call.stream, call.query) == (True, query)


def test_an_answer_in_one_piece_has_no_framing() -> None:
    """`alt` goes upstream with a stream only."""
    assert ask(alt="sse").query == ""


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"maxOutputTokens": 5, "max_output_tokens": 6}, "maxOutputTokens"),
        ({"maxOutputTokens": 0}, "maxOutputTokens"),
        ({"max_output_tokens": "5"}, "max_output_tokens"),
        ({"MaxOutputTokens": 5}, "MaxOutputTokens"),
        ({"candidateCount": True}, "candidateCount"),
        ({"thinkingConfig": {"thinkingBudget": "0"}}, "thinkingConfig.thinkingBudget"),
        ({"routingConfig": {"autoMode": {}}}, "routingConfig"),
        ({"model_selection_config": {}}, "modelSelectionConfig"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], name: str) -> None:
    """400 with its place."""
    with pytest.raises(BadRequest) as caught:
        ask(generationConfig=config)
    assert caught.value.param == f"generationConfig.{name}"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"generationConfig": CONFIG, "generation_config": SNAKE}, "generationConfig"),
        ({"GenerationConfig": {}}, "GenerationConfig"),
        ({"generationConfig": []}, "generationConfig"),
        ({"contents": []}, "contents"),
        ({"contents": "Hi"}, "contents"),
        ({"contents": [{"parts": ["Hi"]}]}, "contents[0].parts[0]"),
        ({"contents": {"parts": {"text": 5}}}, "contents[0].parts[0].text"),
        ({"contents": {"parts": {"inlineData": {}}}}, "contents[0].parts[0].inlineData.data"),
        ({"tools": "search"}, "tools"),
        ({"model": "models/another"}, "model"),
        ({"cached_content": "x", "cachedContent": "y"}, "cachedContent"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], name: str) -> None:
    """400 with the place of what is wrong."""
    with pytest.raises(BadRequest) as caught:
        call_of({"contents": HELLO} | fields)
    assert caught.value.param == name


def test_alt_is_json_or_sse() -> None:
    """Another framing would not be metered."""
    with pytest.raises(BadRequest, match="alt"):
        ask(stream=True, alt="proto")


FUNCTION = {"functionDeclarations": [{"name": "f"}]}


@pytest.mark.parametrize(
    ("tools", "has_unseen", "choices"),
    [
        ([FUNCTION], False, 1),
        ([{"function_declarations": [{"name": "f"}], "googleSearch": None}], False, 1),
        ([{"googleSearch": {}}], True, 10),
        ([{"google_search": {}}], True, 10),
        ([FUNCTION, {"urlContext": {}}], True, 10),
        ({"code_execution": {}}, True, 10),
        ([{"googleMaps": {}}], True, 10),
        ([{"fileSearch": {}}], True, 10),
        ([{"computerUse": {}}], True, 10),
        ([{"mcpServers": [{}]}], True, 10),
        ([{"inventedTomorrow": {}}], True, 10),
    ],
)
def test_tools_that_the_provider_runs(tools: Any, has_unseen: bool, choices: int) -> None:
    """They bring what nobody has counted, and go some rounds; functions are the client's own."""
    call = ask(tools=tools)
    assert (call.has_tools, call.has_unseen, call.choices) == (True, has_unseen, choices)


@pytest.mark.parametrize(
    "part",
    [
        {"fileData": {"fileUri": "https://youtu.be/x"}},
        {"file_data": {"file_uri": "files/x", "mime_type": "video/mp4"}},
        {"File_Data": {"fileUri": "files/x"}},
        {"inventedTomorrow": {}},
        {"functionResponse": {"name": "f", "parts": [{"fileData": {"fileUri": "gs://x"}}]}},
        {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}, "videoMetadata": {"fps": 24}},
    ],
)
def test_what_only_the_provider_knows(part: dict[str, Any]) -> None:
    """Files by their address, unknown parts, and more frames than usual."""
    assert told(part).has_unseen
    assert ask(systemInstruction={"parts": [part]}).has_unseen


def test_cached_content_is_unseen() -> None:
    """It was sent some other day."""
    assert ask(cachedContent="cachedContents/x").has_unseen
    assert ask(cached_content="cachedContents/x").has_unseen


@pytest.mark.parametrize(
    ("blob", "media"),
    [
        ({"mimeType": "image/png", "data": PNG}, (Media(MediaKind.IMAGE, characters=len(PNG), width=10, height=20),)),
        ({"mime_type": "audio/mp3", "data": "AAAA"}, (Media(MediaKind.AUDIO, characters=4),)),
        ({"mimeType": "VIDEO/mp4; codecs=x", "data": "AAAA"}, (Media(MediaKind.VIDEO, characters=4),)),
        ({"mimeType": "application/pdf", "data": "AAAA"}, (Media(MediaKind.DOCUMENT, characters=4),)),
        ({"mimeType": "text/plain", "data": "SGk="}, ()),
        ({"mimeType": "application/zip", "data": "AAAA"}, (Media(MediaKind.DOCUMENT),)),
        ({"data": "AAAA"}, (Media(MediaKind.DOCUMENT),)),
    ],
)
@pytest.mark.parametrize("name", ["inlineData", "inline_data"])
def test_inline_media(blob: dict[str, Any], media: tuple[Media, ...], name: str) -> None:
    """Known media stop counting as text; a text's base64 counts as it stands, and what is unknown both ways."""
    assert told({name: blob}).media == media
    assert told({"functionResponse": {"name": "f", "parts": [{name: blob}]}}).media == media


def test_the_resolution_is_the_parts_else_the_requests() -> None:
    """As the client words it."""
    blob = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    parts = [blob, blob | {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}]
    call = ask(contents={"parts": parts}, generationConfig={"mediaResolution": "MEDIA_RESOLUTION_LOW"})
    assert [one.detail for one in call.media] == ["MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH"]


def test_a_functions_result_is_a_tool_turn() -> None:
    """Only where it comes last."""
    answer = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}
    assert ask(contents=[*HELLO, answer]).is_tool_turn
    assert not ask(contents=[answer, *HELLO]).is_tool_turn


@pytest.mark.parametrize(
    ("model", "config", "thinks"),
    [
        ("gemini-2.5-flash", {}, True),
        ("gemini-2.5-flash", {"thinkingConfig": {"thinkingBudget": 0}}, False),
        ("gemini-2.5-flash", {"thinking_config": {"thinking_budget": 0}}, False),
        ("gemini-2.5-flash", {"thinkingConfig": {"thinkingBudget": 1, "includeThoughts": True}}, True),
        ("gemini-3-pro-preview", {"thinkingConfig": {"thinkingBudget": 0}}, True),
        ("far/gemini-3.5-flash", {}, True),
        ("gemini-flash-latest", {}, True),
        ("gemini-2.0-flash", {}, False),
        ("gemini-2.0-flash-thinking-exp", {}, True),
        ("gemini-1.5-pro", {}, False),
        ("gemma-3-27b-it", {}, False),
        ("gemma-4-26b", {}, True),
        ("something-else", {"thinkingConfig": {"thinkingBudget": 0}}, None),
    ],
)
def test_which_calls_think(model: str, config: dict[str, Any], thinks: bool | None) -> None:
    """By the model's name; only 2.5 can be told not to."""
    assert ask(model=model, generationConfig=config).thinks is thinks


def test_labels_and_the_level_of_service() -> None:
    """A label may say the purpose; a level has a price of its own."""
    call = ask(labels={"purpose": "QA"}, serviceTier="SERVICE_TIER_FLEX")
    assert (call.purpose, call.service) == ("QA", "flex")
    assert ask(service_tier="priority").service == "priority"


def counted(call: Call) -> tuple[bool, int | None, bool]:
    return call.is_free, call.output_bound, call.can_cap


def test_counting_is_free() -> None:
    """Whatever it counts, in either form."""
    plain = call_of({"contents": HELLO}, Endpoint.GEMINI_COUNT_TOKENS)
    nested = call_of({"generateContentRequest": {"contents": HELLO}}, Endpoint.GEMINI_COUNT_TOKENS)
    assert counted(plain) == counted(nested) == (True, 0, False)


def test_embeddings_have_no_output() -> None:
    """One content, or one a request; media in them are seen."""
    blob = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    one = call_of({"content": {"parts": [{"text": "a"}, blob]}}, Endpoint.EMBED_CONTENT)
    many = call_of(
        {"requests": [{"model": f"models/{MODEL}", "content": {"parts": blob}}] * 2}, Endpoint.BATCH_EMBED_CONTENTS
    )
    assert counted(one) == counted(many) == (False, 0, False)
    assert (len(one.media), len(many.media)) == (1, 2)


@pytest.mark.parametrize(
    ("body", "endpoint", "name"),
    [
        ({}, Endpoint.EMBED_CONTENT, "content"),
        ({"requests": []}, Endpoint.BATCH_EMBED_CONTENTS, "requests"),
        (
            {"requests": [{"model": "models/another", "content": HELLO[0]}]},
            Endpoint.BATCH_EMBED_CONTENTS,
            "requests[0].model",
        ),
    ],
)
def test_an_embedding_needs_something(body: dict[str, Any], endpoint: Endpoint, name: str) -> None:
    """And each request of a batch is for the path's model."""
    with pytest.raises(BadRequest) as caught:
        call_of(body, endpoint)
    assert caught.value.param == name
