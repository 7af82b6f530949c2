"""Both spellings of a field, and no other."""

import pytest

from gateway.errors import BadRequest
from gateway.providers.gemini.spelling import camel, field, number, objects, refuse_respelled, snake, spelled


@pytest.mark.parametrize(
    ("one", "other"),
    [("maxOutputTokens", "max_output_tokens"), ("text", "text"), ("topP", "top_p"), ("functionCall", "function_call")],
)
def test_each_spelling_from_the_other(one: str, other: str) -> None:
    """Camel case and snake case are told from each other."""
    assert (snake(one), camel(other), camel(one)) == (other, one, one)


def test_either_spelling_is_found() -> None:
    """The field is the same; an absent one has its usual name."""
    assert field({"topK": 1}, "topK", int) == field({"top_k": 1}, "topK", int) == 1
    assert (spelled({"top_k": None}, "topK"), spelled({}, "topK")) == ("top_k", "topK")


@pytest.mark.parametrize("value", [None, 1])
def test_both_spellings_are_refused(value: int | None) -> None:
    """One of them would decide, and nobody says which."""
    with pytest.raises(BadRequest) as caught:
        field({"topK": 1, "top_k": value}, "topK", int, at="generationConfig.")
    assert caught.value.param == "generationConfig.topK"


@pytest.mark.parametrize("value", [0, -1, 101, True, "5", 5.0])
def test_a_number_is_a_number(value: object) -> None:
    """Zero, a text and a boolean bound nothing; the field is named as it was sent."""
    with pytest.raises(BadRequest) as caught:
        number({"top_k": value}, "topK", high=100, at="a.")
    assert caught.value.param == "a.top_k"


def test_a_single_object_is_an_array_of_one() -> None:
    """Google takes `"parts": {"text": "Hi"}`, as its own examples have it."""
    assert objects({"parts": {"text": "Hi"}}, "parts") == objects({"parts": [{"text": "Hi"}]}, "parts")
    assert objects({"parts": None}, "parts") == objects({}, "parts") == []


@pytest.mark.parametrize(("value", "name"), [("Hi", "parts"), ([{}, "Hi"], "parts[1]"), ([None], "parts[0]")])
def test_anything_else_is_no_array(value: object, name: str) -> None:
    """The refusal names the place."""
    with pytest.raises(BadRequest) as caught:
        objects({"parts": value}, "parts")
    assert caught.value.param == name


@pytest.mark.parametrize("name", ["maxoutputtokens", "MAX_OUTPUT_TOKENS", "max_outputTokens", "MaxOutputTokens"])
def test_a_third_spelling_is_refused(name: str) -> None:
    """A server that folds case would take it for the bound that was metered."""
    with pytest.raises(BadRequest) as caught:
        refuse_respelled({name: 1}, ["maxOutputTokens"])
    assert caught.value.param == name


def test_other_fields_are_not_looked_at() -> None:
    """What is not metered may be called anything."""
    refuse_respelled({"maxOutputTokens": 1, "max_output_tokens": 1, "Top_K": 1}, ["maxOutputTokens"])
    assert spelled({"Top_K": 1}, "topK") == "topK"
