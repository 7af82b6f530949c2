"""Reports that come together, and reports that come twice."""

import asyncio
import json
from collections import Counter

import pytest

from gateway.store.shards import prefix
from tests.api.company_usage.calls import ROUTE, ask, bearer, refused, usage
from tests.edge import BOSS_KEY, Edge
from tests.gateways import ACME, ADA_KEY, ADMIN_KEY, BOB_KEY, OTHER

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 64
DAY_MS = 86_400_000


async def report(edge: Edge, tokens: int, key: str | None, api_key: str = ADA_KEY) -> tuple[int, dict[str, object]]:
    """Send a report, under an idempotency key or none; give status and body."""
    headers = {**bearer(api_key), "Idempotency-Key": key}
    answer, text = await ask(edge.client, "POST", ROUTE, json={"TokensUsed": tokens}, headers=headers)
    return answer.status, json.loads(text)


@pytest.mark.parametrize("name", ["distinct-{}", None])
async def test_reports_together_add_up(edge: Edge, name: str | None) -> None:
    """Sixty-four at once, each under a name of its own or none, are all charged; each sees its own in its answer."""
    before = (await usage(edge.client))["TokensUsed"]
    sizes = range(1, AT_ONCE + 1)
    answers = await asyncio.gather(*(report(edge, n, name and name.format(n)) for n in sizes))
    seen = [body["TokensUsed"] for status, body in answers if status == 200]
    total = before + sum(sizes)
    assert len(set(seen)) == AT_ONCE
    assert max(seen) == total
    assert await edge.client.company() == (total, 0)
    assert (await usage(edge.client))["TokensUsed"] == total


async def test_a_report_sent_many_times_is_charged_once(edge: Edge) -> None:
    """The same report sixty-four times at once under one name: one charge, sixty-four equal answers."""
    before = (await usage(edge.client))["TokensUsed"]
    answers = await asyncio.gather(*(report(edge, 100, "the-same") for _ in range(AT_ONCE)))
    assert Counter(status for status, _ in answers) == {200: AT_ONCE}
    assert {body["TokensUsed"] for _, body in answers} == {before + 100}
    assert await edge.client.company() == (before + 100, 0)


async def test_different_reports_under_one_name(edge: Edge) -> None:
    """The first one counts; others of other tokens are 409 and charge nothing, together or later."""
    before = (await usage(edge.client))["TokensUsed"]
    answers = await asyncio.gather(*(report(edge, 1000 + n, "contested") for n in range(8)))
    (winner,) = [body["TokensUsed"] for status, body in answers if status == 200]
    assert Counter(status for status, _ in answers) == {200: 1, 409: 7}
    headers = {"Idempotency-Key": "contested"}
    status, told = await refused(edge.client, "POST", ROUTE, json={"TokensUsed": 1}, headers=headers)
    assert (status, told["ErrorCode"], told["Errors"][0]["FieldName"]) == (409, "Conflict", "Idempotency-Key")
    assert before + 1000 <= winner < before + 1008
    assert (await usage(edge.client))["TokensUsed"] == winner


async def test_the_same_report_in_other_words(edge: Edge) -> None:
    """What counts is what is reported: a repetition in another case or format is still the same."""
    before = (await usage(edge.client))["TokensUsed"]
    for request in (
        {"json": {"TokensUsed": 9}},
        {"json": {"tokensUsed": "9", "companyId": ACME}},
        {"data": {"TokensUsed": "9"}},
    ):
        body = await usage(edge.client, "POST", headers={"Idempotency-Key": "words"}, **request)
        assert body["TokensUsed"] == before + 9


async def test_a_repetition_answers_the_usage_of_now(edge: Edge) -> None:
    """A repeated report tells what is used by then, not what was."""
    _, first = await report(edge, 3, "again")
    _, between = await report(edge, 4, None)
    _, again = await report(edge, 3, "again")
    assert (between["TokensUsed"], again["TokensUsed"]) == (first["TokensUsed"] + 4, first["TokensUsed"] + 4)


async def test_a_name_belongs_to_its_api_key(edge: Edge) -> None:
    """Two keys may use the same name; for each it is a report of its own."""
    before = (await usage(edge.client))["TokensUsed"]
    for place, api_key in enumerate((ADA_KEY, BOB_KEY, BOSS_KEY), start=1):
        assert (await report(edge, 2, "shared", api_key))[1]["TokensUsed"] == before + 2 * place
    assert (await report(edge, 3, "shared", BOB_KEY))[0] == 409


async def test_a_name_belongs_to_its_company(edge: Edge) -> None:
    """An admin's name for a report to one company is free for another."""
    headers = {**bearer(ADMIN_KEY), "Idempotency-Key": "companies"}
    for company in (ACME, OTHER):
        before = await usage(edge.client, params={"CompanyId": company}, headers=bearer(ADMIN_KEY))
        for _ in range(2):
            body = {"CompanyId": company, "TokensUsed": 6}
            after = await usage(edge.client, "POST", json=body, headers=headers)
            assert (after["CompanyId"], after["TokensUsed"]) == (company, before["TokensUsed"] + 6)


async def test_a_name_is_kept_for_a_day(edge: Edge) -> None:
    """The store forgets it after 24 hours, and never holds the name itself."""
    await report(edge, 1, "kept-for-a-day")
    store = edge.client.app.gateway.store
    names = [name for name in await store.execute("KEYS", f"{prefix(ACME)}t:*") if name.endswith(f".{ACME}".encode())]
    lives_ms = [await store.execute("PTTL", name) for name in names]
    assert lives_ms
    assert all(DAY_MS - 600_000 < life_ms <= DAY_MS for life_ms in lives_ms)
    assert not [name for name in names if b"kept-for-a-day" in name]


async def test_a_refused_report_leaves_its_name_free(edge: Edge) -> None:
    """A report that was not understood may be sent again, corrected, under the same name."""
    before = (await usage(edge.client))["TokensUsed"]
    assert (await report(edge, -1, "corrected"))[0] == 400
    assert (await report(edge, 1, "corrected"))[1]["TokensUsed"] == before + 1


async def test_no_tokens_are_a_report_too(edge: Edge) -> None:
    """A turn that took nothing is recorded as that."""
    before = (await usage(edge.client))["TokensUsed"]
    status, body = await report(edge, 0, None)
    assert (status, body["TokensUsed"]) == (200, before)
