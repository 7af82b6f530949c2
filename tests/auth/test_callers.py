"""Who a call is: always from the key, and only what that key may claim beside it."""

from dataclasses import replace

import pytest
from multidict import CIMultiDict

from gateway.auth import Callers
from gateway.errors import BadRequest, Forbidden, GatewayError, Unauthenticated
from gateway.model import Caller, User
from tests.auth.people import (
    ACME,
    ADA,
    ADA_KEY,
    BODY_KEY,
    EVE,
    HELPDESK,
    KEYS,
    NOW_MS,
    OLD_KEY,
    OPS_KEY,
    RIVAL_BOT,
    SERVICE_KEY,
    STRANGER_ID,
    callers,
)


def identify(key: str, *headers: tuple[str, str], body_user: object = None) -> Caller:
    """Identify a request with this key and these headers."""
    sent = CIMultiDict([("Authorization", f"Bearer {key}"), *headers])
    return callers().identify(sent, now_ms=NOW_MS, body_user=body_user)


def refused(key: str, *headers: tuple[str, str], body_user: object = None) -> GatewayError:
    """Give the error that such a request meets."""
    with pytest.raises(GatewayError) as error:
        identify(key, *headers, body_user=body_user)
    return error.value


def test_a_key_brings_its_company_user_and_agent() -> None:
    """A user's key needs no other header."""
    caller = identify(ADA_KEY)
    assert (caller.company, caller.user, caller.agent) == (ACME, ADA, HELPDESK)


def test_an_admin_key_has_no_company() -> None:
    """An admin key stands for nobody's company."""
    caller = identify(OPS_KEY)
    assert (caller.company, caller.user, caller.agent) == (None, None, None)


def test_a_key_expires_at_its_instant() -> None:
    """A key is good until the millisecond before it expires."""
    headers = CIMultiDict({"x-api-key": OLD_KEY})
    assert callers().identify(headers, now_ms=NOW_MS - 1).key.name == "old"
    with pytest.raises(Unauthenticated):
        callers().identify(headers, now_ms=NOW_MS)


def test_a_key_can_be_looked_up_by_its_text() -> None:
    """An API that carries the key elsewhere than in a header finds its holder the same way."""
    assert callers().holder(ADA_KEY, now_ms=NOW_MS).user == ADA
    with pytest.raises(Unauthenticated):
        callers().holder("\ud800", now_ms=NOW_MS)


def test_a_hash_in_capitals_is_the_same_hash() -> None:
    """The configuration may spell a key's hash in any case."""
    loud = Callers([replace(KEYS[3], sha256=KEYS[3].sha256.upper())], {}, {}, {})
    assert loud.holder(OPS_KEY, now_ms=NOW_MS).key.name == "ops"


@pytest.mark.parametrize("dangling", [replace(KEYS[0], company_id=STRANGER_ID), replace(KEYS[0], agent_id=STRANGER_ID)])
def test_a_key_that_names_nothing_is_found_at_the_start(dangling: object) -> None:
    """A dangling name fails when the room is built, not at the first call."""
    with pytest.raises(KeyError):
        Callers([dangling], {ACME.id: ACME}, {}, {HELPDESK.id: HELPDESK})


# ---------------------------------------------------------------- users


@pytest.mark.parametrize(
    "spelling",
    [ADA.id, ADA.id.upper(), ADA.id.replace("-", ""), f"{{{ADA.id}}}", f" {ADA.id} ", f"{{{ADA.id.replace('-', '')}}}"],
)
def test_a_service_key_names_a_user_in_any_spelling(spelling: str) -> None:
    """A GUID is the same in capitals, without hyphens and in braces."""
    assert identify(SERVICE_KEY, ("X-Gateway-User", spelling)).user == ADA


def test_a_user_who_is_not_listed_exists_from_the_first_call() -> None:
    """An unknown GUID is a user of the key's company with a name of its own."""
    assert identify(SERVICE_KEY, ("x-gateway-user", STRANGER_ID.upper())).user == User(
        STRANGER_ID, STRANGER_ID, ACME.id
    )


@pytest.mark.parametrize("key", [ADA_KEY, OPS_KEY])
@pytest.mark.parametrize(
    "headers", [[("X-Gateway-User", ADA.id)], [("X-Gateway-User", "x")], [("X-Gateway-User", "x")] * 2]
)
def test_only_a_service_key_may_name_a_user(key: str, headers: list[tuple[str, str]]) -> None:
    """Any other key that sends the header is refused, whatever stands in it."""
    error = refused(key, *headers)
    assert isinstance(error, Forbidden)
    assert error.param == "X-Gateway-User"


@pytest.mark.parametrize(
    "text", ["", "ada", ADA.id[:-1], ADA.id + "0", f"urn:uuid:{ADA.id}", "2" * 31 + "٢", f"{{{ADA.id}", "\ud800"]
)
def test_a_user_must_be_a_guid(text: str) -> None:
    """What is no GUID is a bad request that names the header and not the text."""
    error = refused(SERVICE_KEY, ("X-Gateway-User", text))
    assert isinstance(error, BadRequest)
    assert (error.status, error.param, error.message) == (400, "X-Gateway-User", "X-Gateway-User must be a GUID.")


def test_a_repeated_user_header_is_refused() -> None:
    """Two users in one request are no user."""
    error = refused(SERVICE_KEY, ("X-Gateway-User", ADA.id), ("X-Gateway-User", ADA.id))
    assert (error.status, error.param) == (400, "X-Gateway-User")


def test_a_user_of_another_company_is_out_of_reach() -> None:
    """A service key cannot name a person that only another company lists, and nothing is charged to anyone."""
    assert refused(SERVICE_KEY, ("X-Gateway-User", EVE.id.upper())).status == 403


def test_the_body_names_the_user_only_where_the_key_says_so() -> None:
    """The body's `user` counts for a key with user_from_body, behind the header; for others it is a free text."""
    assert identify(BODY_KEY, body_user=ADA.id).user == ADA
    assert identify(BODY_KEY, ("X-Gateway-User", STRANGER_ID), body_user=ADA.id).user.id == STRANGER_ID
    assert identify(BODY_KEY).user is None
    assert identify(SERVICE_KEY, body_user=ADA.id).user is None
    assert identify(ADA_KEY, body_user="someone").user == ADA


@pytest.mark.parametrize("body_user", ["ada", 7, [ADA.id], {}, False])
def test_a_user_in_the_body_must_be_a_guid(body_user: object) -> None:
    """A wrong type or text is a bad request that names the field."""
    error = refused(BODY_KEY, body_user=body_user)
    assert (error.status, error.param) == (400, "user")


# ---------------------------------------------------------------- agents


@pytest.mark.parametrize("claim", ["helpdesk", HELPDESK.id, HELPDESK.id.upper(), HELPDESK.id.replace("-", "")])
def test_an_agent_is_named_by_id_or_name(claim: str) -> None:
    """A company's agent goes by its name or its GUID."""
    assert identify(SERVICE_KEY, ("X-Gateway-Agent", claim)).agent == HELPDESK


@pytest.mark.parametrize("key", [ADA_KEY, SERVICE_KEY, OPS_KEY])
def test_nothing_is_learnt_of_other_companies_agents(key: str) -> None:
    """An agent of another company and one that does not exist are refused in the same words."""
    errors = {
        (error.status, error.message)
        for claim in (RIVAL_BOT.name, RIVAL_BOT.id, "nobody", STRANGER_ID, "", "\udcff", "x" * 5000)
        for error in [refused(key, ("X-Gateway-Agent", claim))]
    }
    assert errors == {(403, "X-Gateway-Agent names no agent of this key's company.")}


def test_a_repeated_agent_header_is_refused() -> None:
    """Two agents in one request are no agent."""
    assert refused(ADA_KEY, ("X-Gateway-Agent", "helpdesk"), ("X-Gateway-Agent", "helpdesk")).status == 400
