"""Estimates: never above the bound, never knowingly below the truth."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.model import Call, Endpoint, Estimate, Provider, TemplateTokens
from gateway.tokens import Counter, Vocabularies, bound, exact, output_tokens, prompt_parts
from gateway.tokens.constants import INLINE_CHARACTERS
from gateway.tokens.text import Encoding, count_all
from tests.tokens.bodies import CHAT, JARGON, MESSAGE, TOOL, WEATHER, WEATHER_TOOLS, call

OPENAI = Provider(name="openai", dialect="openai", base_url="")
LOCAL = Provider(name="local", dialect="openai", base_url="")
SMALL = Provider(name="small", dialect="openai", base_url="", template_tokens=TemplateTokens(70, 230))
DEMO = Provider(name="demo", dialect="demo", base_url="")
CHAT_WITH_TOOLS = {"messages": WEATHER, "tools": WEATHER_TOOLS}


async def counted(made: Call, provider: Provider, counter: Counter) -> Estimate:
    """Count a prompt that has no media in it."""
    return await exact(made, provider, counter, lambda: made.body)


async def told(made: Call, provider: Provider, counter: Counter) -> Estimate:
    """Count it, and leave out what a correction would be learned from."""
    return structs.replace(await counted(made, provider, counter), uncorrected_tokens=None)


shared_counter = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(
    ("model", "body", "expected"),
    [
        ("gpt-4o", {"messages": JARGON}, Estimate(124, exact=True)),
        ("gpt-4", {"messages": JARGON}, Estimate(129, exact=True)),
        ("openai/gpt-4o", {"messages": JARGON}, Estimate(124, exact=True)),
        ("gpt-5", {"messages": JARGON}, Estimate(124, exact=True)),
        ("gpt-4o", CHAT_WITH_TOOLS, Estimate(101 + 8, exact=False)),
        ("gpt-5", CHAT_WITH_TOOLS, Estimate(101 + 8 + 84, exact=False)),
    ],
)
async def test_openai_counts_by_the_formula(
    counter: Counter, model: str, body: dict[str, Any], expected: Estimate
) -> None:
    """Plain prompts are exact; tools add slack, and what reasoning models add for them."""
    assert await told(call(body, model=model), OPENAI, counter) == expected


async def test_the_demo_is_exact(counter: Counter) -> None:
    """The demo model counts by the formula, tools and all."""
    assert await told(call(CHAT_WITH_TOOLS, model="demo"), DEMO, counter) == Estimate(101, exact=True)


@pytest.mark.parametrize(("body", "added"), [({"messages": WEATHER}, 700), (CHAT_WITH_TOOLS, 1500)])
async def test_others_are_estimated(counter: Counter, body: dict[str, Any], added: int) -> None:
    """An unknown chat template gets what providers were seen to add, over a count that is not below the formula's."""
    formula = await counted(call(body, model="demo"), DEMO, counter)
    estimate = await counted(call(body, model="llama3.1"), LOCAL, counter)
    assert not estimate.exact
    assert formula.prompt_tokens < estimate.prompt_tokens - added < call(body, model="llama3.1").body_bytes


@pytest.mark.parametrize(
    ("body", "endpoint", "usual", "configured"),
    [
        ({"messages": WEATHER}, Endpoint.CHAT, 700, 70),
        (CHAT_WITH_TOOLS, Endpoint.CHAT, 1500, 230),
        ({"prompt": "hello"}, Endpoint.COMPLETIONS, 64, 70),
        ({"input": "hello"}, Endpoint.EMBEDDINGS, 64, 70),
    ],
)
@pytest.mark.parametrize("model", ["llama3.1", "small/claude-opus-4-7", "gpt-oss:20b", "what"])
async def test_a_configured_template_replaces_what_is_usual(
    counter: Counter, model: str, body: dict[str, Any], endpoint: Endpoint, usual: int, configured: int
) -> None:
    """The provider's own numbers stand in the place of the family's, in the bound and in the count."""
    made = call(body, model=model, endpoint=endpoint)
    assert bound(made, LOCAL).prompt_tokens - usual == bound(made, SMALL).prompt_tokens - configured == made.body_bytes
    theirs, ours = await counted(made, LOCAL, counter), await counted(made, SMALL, counter)
    assert theirs.prompt_tokens - usual == ours.prompt_tokens - configured
    assert not ours.exact


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5", "small/o1-mini", "text-embedding-3-small"])
@pytest.mark.parametrize("body", [{"messages": WEATHER}, CHAT_WITH_TOOLS])
async def test_a_configured_template_is_not_for_the_formula(counter: Counter, model: str, body: dict[str, Any]) -> None:
    """OpenAI's own models count by their formula wherever they are, and so does the demo."""
    made = call(body, model=model)
    assert bound(made, SMALL) == bound(made, replace(SMALL, template_tokens=None))
    assert await counted(made, SMALL, counter) == await counted(made, replace(SMALL, template_tokens=None), counter)
    demo = replace(SMALL, dialect="demo")
    assert bound(made, demo).prompt_tokens == made.body_bytes


@pytest.mark.parametrize("endpoint", [Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS])
async def test_token_ids_are_their_number(counter: Counter, endpoint: Endpoint) -> None:
    """No multiplier applies to what is already tokens."""
    field = "prompt" if endpoint is Endpoint.COMPLETIONS else "input"
    made = call({field: [100_000] * 5000}, endpoint=endpoint)
    assert await told(made, OPENAI, counter) == Estimate(5000, exact=True)
    other = await counted(call({field: [100_000] * 5000}, model="qwen", endpoint=endpoint), LOCAL, counter)
    assert 5000 < other.prompt_tokens < 5200


async def test_media_add_what_the_provider_says(counter: Counter) -> None:
    """Each non-text part adds its provider's number, and the estimate is not exact."""
    plain, media = call({"messages": WEATHER}), call({"messages": WEATHER}, media=2)
    added = 2 * 1445
    assert bound(media, OPENAI).prompt_tokens == bound(plain, OPENAI).prompt_tokens + added
    alone = await counted(plain, OPENAI, counter)
    assert await told(media, OPENAI, counter) == Estimate(alone.prompt_tokens + added, exact=False)


@pytest.mark.parametrize("model", ["gpt-4o", "llama"])
async def test_without_a_vocabulary_the_bound_serves(tmp_path: Path, model: str) -> None:
    """No vocabulary, no count: the estimate is the bound."""
    counter = Counter(Vocabularies(tmp_path))
    made = call({"messages": WEATHER}, model=model)
    assert await counted(made, OPENAI, counter) == bound(made, OPENAI)
    counter.close()


async def test_a_deep_body_is_bounded(counter: Counter) -> None:
    """What cannot be taken apart is estimated by its bytes."""
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(100):
        schema = {"type": "object", "properties": {"a": schema}}
    made = call({"messages": WEATHER, "tools": [{"function": {"name": "f", "parameters": schema}}]})
    assert await counted(made, OPENAI, counter) == bound(made, OPENAI)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5", "claude-opus-4-7", "llama", "demo", "what"])
@given(body=CHAT, media=st.integers(0, 2))
@shared_counter
async def test_exact_is_never_above_the_bound(counter: Counter, model: str, body: dict[str, Any], media: int) -> None:
    """Whatever the body, counting can only lower the estimate."""
    made = call(body, model=model, media=media)
    assert (await counted(made, OPENAI, counter)).prompt_tokens <= bound(made, OPENAI).prompt_tokens


@given(body=CHAT)
def test_bytes_bound_the_formula(o200k: Encoding, cl100k: Encoding, body: dict[str, Any]) -> None:
    """The bound is one: no chat has more tokens by the formula than its body has bytes."""
    made = call(body)
    parts = prompt_parts(Endpoint.CHAT, made.body)
    for encoding in (o200k, cl100k):
        assert count_all(encoding, parts.texts) + parts.overhead_tokens <= made.body_bytes


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5", "llama"])
@given(body=CHAT, message=MESSAGE, tool=TOOL)
@shared_counter
async def test_more_is_never_less(
    counter: Counter, model: str, body: dict[str, Any], message: dict[str, Any], tool: dict[str, Any]
) -> None:
    """Another message or another tool never lowers the estimate or the bound."""
    less = call(body, model=model)
    for more in (
        call({**body, "messages": [*body["messages"], message]}, model=model),
        call({**body, "tools": [*body.get("tools", []), tool]}, model=model),
    ):
        assert bound(less, OPENAI).prompt_tokens < bound(more, OPENAI).prompt_tokens
        fewer, further = await counted(less, OPENAI, counter), await counted(more, OPENAI, counter)
        assert fewer.prompt_tokens <= further.prompt_tokens


async def test_large_bodies_count_as_small_ones(counter: Counter) -> None:
    """In the pool, a body counts by the same formula."""
    messages = [{"role": "user", "content": "hello"}] * 1000
    made = call({"messages": messages})
    assert made.body_bytes > INLINE_CHARACTERS
    assert await told(made, OPENAI, counter) == Estimate(3 + 1000 * 5, exact=True)


@pytest.mark.parametrize(
    ("texts", "model", "expected"),
    [
        (["hello world"] * 10, "gpt-4o", 20),
        (["hello world"] * 10, "demo", 20),
        (["hello world"] * 10, "llama", math.ceil(20 * 1.15)),
        (["hello world"] * 10, "claude-opus-4-7", 32),
        (["\U000e0fff"], "unknown", 4),
        ([], "llama", 0),
        (["", ""], "llama", 0),
    ],
)
async def test_output(counter: Counter, texts: list[str], model: str, expected: int) -> None:
    """An answer counts with its family's multiplier, rounded up, and never above its bytes."""
    assert await output_tokens(texts, model, counter) == expected


async def test_output_of_the_demo(counter: Counter) -> None:
    """A demo provider's answer counts exactly, whatever its model is called."""
    assert await output_tokens(["hello world"], "local-model", counter, "demo") == 2


async def test_output_without_a_vocabulary(tmp_path: Path) -> None:
    """Without a vocabulary an answer is its bytes."""
    counter = Counter(Vocabularies(tmp_path))
    assert await output_tokens(["hello", "w\u00f6rld"], "llama", counter) == 11
    counter.close()


CLAUDE = Provider(name="anthropic", dialect="anthropic", base_url="")
GEMINI = Provider(name="gemini", dialect="gemini", base_url="")


@pytest.mark.parametrize(
    ("factor", "model", "media", "expected"),
    [
        (0.5, "llama", 0, 0.5),
        (2.0, "llama", 0, 2.0),
        (0.5, "llama", 1, 1.0),
        (2.0, "llama", 1, 2.0),
        (0.5, "gpt-4o", 0, 1.0),
        (2.0, "gpt-4o", 0, 2.0),
    ],
)
async def test_a_correction_is_for_the_text(
    counter: Counter, factor: float, model: str, media: int, expected: float
) -> None:
    """It raises any text's part; it lowers no formula, nothing beside media, and never what media cost."""
    made = call({"messages": WEATHER}, model=model, media=media)
    plain = await counted(made, LOCAL, counter)
    seen: list[int] = []

    def by(tokens: int) -> float:
        seen.append(tokens)
        return factor

    corrected = await exact(made, LOCAL, counter, lambda: made.body, by)
    unseen = plain.prompt_tokens - seen[0]
    assert corrected.prompt_tokens == math.ceil(seen[0] * expected) + unseen
    assert corrected.exact == (model == "gpt-4o" and expected == 1)
    assert corrected.uncorrected_tokens == plain.uncorrected_tokens == (None if media else seen[0])


async def test_a_bound_teaches_nothing(counter: Counter, tmp_path: Path) -> None:
    """Only a count can be compared with what was reported: not the bytes, nor a prompt that is partly stored."""
    made = call({"messages": WEATHER}, model="llama")
    blind = Counter(Vocabularies(tmp_path))
    assert bound(made, LOCAL).uncorrected_tokens is None
    assert (await counted(made, LOCAL, blind)).uncorrected_tokens is None
    assert (await counted(structs.replace(made, has_unseen=True), LOCAL, counter)).uncorrected_tokens is None
    blind.close()


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-pro", "llama"])
@pytest.mark.parametrize("endpoint", [Endpoint.RESPONSES, Endpoint.RESPONSES_COMPACT])
@given(body=CHAT, instructions=st.none() | st.text(max_size=20))
@shared_counter
async def test_responses_are_never_above_their_bound(
    counter: Counter, endpoint: Endpoint, model: str, body: dict[str, Any], instructions: str | None
) -> None:
    """Counting can only lower the estimate of a response, and is exact only where nothing hidden may stand beside."""
    items = [{**message, "type": "message"} for message in body["messages"]]
    made = call({"input": items, "instructions": instructions}, model=model, endpoint=endpoint)
    estimate = await counted(made, OPENAI, counter)
    assert estimate.prompt_tokens <= bound(made, OPENAI).prompt_tokens
    assert estimate.exact == (model == "gpt-4o" and endpoint is Endpoint.RESPONSES and instructions is None)


async def test_an_operation_without_a_formula_is_not_exact(counter: Counter) -> None:
    """OpenAI's own model, but nobody knows how the operation counts: an estimate with room to spare."""
    made = call({"input": "hello world"}, endpoint=Endpoint.MODERATIONS, model="gpt-4o")
    estimate = await counted(made, OPENAI, counter)
    assert not estimate.exact
    assert estimate.prompt_tokens > 64


async def test_each_text_of_a_sentencepiece_model_has_a_token_more(counter: Counter) -> None:
    """Two texts of one token are held with the token that begins each."""
    body = {"contents": [{"parts": [{"text": "word"}]}]}
    more = {"contents": [{"parts": [{"text": "word"}, {"text": "word"}]}]}
    one = await counted(call(body, model="gemini-2.5-pro", endpoint=Endpoint.GENERATE_CONTENT), GEMINI, counter)
    two = await counted(call(more, model="gemini-2.5-pro", endpoint=Endpoint.GENERATE_CONTENT), GEMINI, counter)
    # A part more: six tokens of key, word and punctuation, times 1.15, and one for each of both texts.
    assert two.prompt_tokens - one.prompt_tokens in {8, 9}


async def test_the_vendor_s_own_numbers_stand_at_its_own_dialect(counter: Counter) -> None:
    """The same model costs less where it is known what is added."""
    made = call({"messages": WEATHER}, model="claude-sonnet-4-5", endpoint=Endpoint.MESSAGES)
    elsewhere = bound(structs.replace(made, endpoint=Endpoint.CHAT), LOCAL).prompt_tokens
    assert bound(made, CLAUDE).prompt_tokens == made.body_bytes + 120 == elsewhere - 700 + 120
    assert (await counted(made, CLAUDE, counter)).prompt_tokens <= bound(made, CLAUDE).prompt_tokens
