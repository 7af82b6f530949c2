"""Why a call is made: whose word counts, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.model import Key, Purpose
from gateway.purpose import Purposes

QA, DT, IE = Purpose("QA"), Purpose("DT", deep_thought=True), Purpose("IE", imports=True)
PURPOSES = Purposes({"QA": QA, "DT": DT, "IE": IE}, "QA")
ANY = Key("any", "", "")
SOME = Key("some", "", "", purposes=("DT", "IE"), default_purpose="DT")
NO_DEFAULT = Key("none", "", "", purposes=("DT",))


@pytest.mark.parametrize(
    ("header", "field", "key", "expected"),
    [
        (None, None, ANY, QA),
        (None, None, SOME, DT),
        (None, "IE", SOME, IE),
        ("DT", "IE", ANY, DT),
        (" DT ", None, ANY, DT),
        ("DT", 7, ANY, DT),
    ],
)
def test_the_nearest_word_counts(header: str | None, field: object, key: Key, expected: Purpose) -> None:
    """The header comes before the body, the body before the key's default, that before the configuration's."""
    assert PURPOSES.of(header, field, key) is expected


@pytest.mark.parametrize(
    ("header", "field", "key", "param", "codes"),
    [
        ("XX", None, ANY, "X-Gateway-Purpose", "QA, DT, IE"),
        ("", None, ANY, "X-Gateway-Purpose", "QA, DT, IE"),
        ("qa", None, ANY, "X-Gateway-Purpose", "QA, DT, IE"),
        ("QA", None, SOME, "X-Gateway-Purpose", "DT, IE"),
        (None, "QA", SOME, "metadata.purpose", "DT, IE"),
        (None, 7, ANY, "metadata.purpose", "QA, DT, IE"),
        (None, ["QA"], ANY, "metadata.purpose", "QA, DT, IE"),
        (None, {"QA": 1}, ANY, "metadata.purpose", "QA, DT, IE"),
        (None, "=cmd|' /C calc'!A0", ANY, "metadata.purpose", "QA, DT, IE"),
        (None, None, NO_DEFAULT, "X-Gateway-Purpose", "DT"),
    ],
)
def test_what_is_not_allowed_is_refused(header: str | None, field: object, key: Key, param: str, codes: str) -> None:
    """An unknown, forbidden or malformed code is a bad request that names the allowed ones and where to put them."""
    with pytest.raises(BadRequest) as refused:
        PURPOSES.of(header, field, key)
    assert (refused.value.param, refused.value.message) == (param, f"{param} must be one of: {codes}.")


@given(header=st.none() | st.text(), field=st.none() | st.text() | st.integers() | st.binary() | st.lists(st.text()))
def test_no_word_can_break_it(header: str | None, field: object) -> None:
    """Whatever is sent, the answer is a configured purpose or a bad request without a word of it."""
    assert answer(header, field) in {"QA", "DT", "IE", "must be one of: QA, DT, IE."}


def answer(header: str | None, field: object) -> str:
    """Give the purpose's code, or the refusal without the name of its place."""
    try:
        return PURPOSES.of(header, field, ANY).code
    except BadRequest as refused:
        return refused.message.removeprefix(f"{refused.param} ")
