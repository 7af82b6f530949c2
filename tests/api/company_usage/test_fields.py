"""The two fields of a request, in any spelling; pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.company_usage.fields import MOST_TOKENS, Invalid, company_id, tokens_used

GUID = "6c8c9d2e-1111-4222-8333-444455556666"


@pytest.mark.parametrize("name", ["CompanyId", "companyId", "COMPANYID", "companyid"])
@pytest.mark.parametrize("spelling", [GUID, GUID.upper(), GUID.replace("-", ""), f"{{{GUID}}}", f"  {GUID}\n"])
def test_a_company_in_any_spelling(name: str, spelling: str) -> None:
    """Names bind in any case; a GUID with hyphens, without, in braces, in any case is the same company."""
    assert company_id([("Other", "x"), (name, spelling)]) == GUID


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_empty_company_is_none(value: object) -> None:
    """Null and empty text name no company, as an absent field does."""
    assert company_id([("CompanyId", value)]) is None
    assert company_id([]) is None


@pytest.mark.parametrize(
    "value",
    ["x", "0", GUID[:-1], GUID + "0", f"({GUID})", f"urn:uuid:{GUID}", "\uff16" * 32, 5, True, 1.5, [GUID], {"a": 1}],
)
def test_a_company_that_is_no_guid(value: object) -> None:
    """Anything else is refused in the real server's words, naming the field."""
    with pytest.raises(Invalid, match="is an Invalid value for 'CompanyId'") as caught:
        company_id([("CompanyId", value)])
    assert (caught.value.code, caught.value.param) == ("RequestBindingException", "CompanyId")


@pytest.mark.parametrize("value", [0, 1, MOST_TOKENS, "0", "7", " 7 ", "+7", "007", f"{MOST_TOKENS}", "-0"])
def test_tokens_are_whole_numbers(value: int | str) -> None:
    """A number, or a text that is one, up to a thousand million."""
    assert tokens_used([("tokensUsed", value)]) == int(value)


@pytest.mark.parametrize("value", [None, "", " "])
def test_tokens_are_required(value: object) -> None:
    """A report without tokens is a mistake, never a report of none."""
    for pairs in ([("TokensUsed", value)], []):
        with pytest.raises(Invalid) as caught:
            tokens_used(pairs)
        assert (caught.value.code, caught.value.param) == ("NotNull", "TokensUsed")


@pytest.mark.parametrize(
    "value", [-1, MOST_TOKENS + 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, "-1", "9" * 32]
)
def test_tokens_have_bounds(value: object) -> None:
    """Negative and enormous reports are refused, wherever an integer's edge may be."""
    with pytest.raises(Invalid, match="between 0 and 1000000000") as caught:
        tokens_used([("TokensUsed", value)])
    assert (caught.value.code, caught.value.param) == ("InclusiveBetween", "TokensUsed")


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "1.0",
        "1e3",
        "1,000",
        "0x10",
        "\u0661",
        "1_000",
        "--1",
        "NaN",
        "Infinity",
        "9" * 5000,
        1.0,
        1.5,
        True,
        [1],
        {},
    ],
)
def test_tokens_that_are_no_number(value: object) -> None:
    """Fractions, exponents, other digits, booleans and structures are refused, naming the field."""
    with pytest.raises(Invalid, match="is an Invalid value for 'TokensUsed'") as caught:
        tokens_used([("TokensUsed", value)])
    assert (caught.value.code, caught.value.param) == ("RequestBindingException", "TokensUsed")


@pytest.mark.parametrize("pairs", [[("TokensUsed", 5), ("tokensused", "5")], [("TokensUsed", ""), ("tokensUsed", 5)]])
def test_a_field_may_be_repeated(pairs: list[tuple[str, object]]) -> None:
    """The clients can send a field in the query and in the body: the same value twice is one value."""
    assert tokens_used(pairs) == 5


def test_a_contradiction_is_refused() -> None:
    """Two different values for one field, in whatever spelling, are never resolved by taking one of them."""
    with pytest.raises(Invalid, match="more than once") as caught:
        tokens_used([("TokensUsed", 5), ("tokensused", 6)])
    assert caught.value.param == "TokensUsed"
    with pytest.raises(Invalid, match="more than once"):
        company_id([("CompanyId", GUID), ("companyId", GUID.replace("6", "7"))])
    assert company_id([("CompanyId", GUID), ("companyId", GUID.upper())]) == GUID


def test_an_error_repeats_little() -> None:
    """Of a wrong value an error shows 64 characters at most, and none that does not print."""
    with pytest.raises(Invalid) as caught:
        company_id([("CompanyId", "\r\n\x00" + "x" * 1000)])
    assert caught.value.message == f"'{'x' * 63}' is an Invalid value for 'CompanyId'"


@given(st.lists(st.tuples(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text())))
def test_other_fields_do_not_matter(pairs: list[tuple[str, object]]) -> None:
    """What is neither of the two fields is ignored, as the real server does."""
    others = [(f"x{name}", value) for name, value in pairs]
    assert company_id([*others, ("CompanyId", GUID)]) == GUID
    assert tokens_used([*others, ("TokensUsed", 1)]) == 1
