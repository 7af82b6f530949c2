"""What is refused, by which number, and what nobody learns from it."""

import pytest
import pytest_asyncio

from tests.api.consumption_logs.conftest import EVE_KEY, PAGE, RIVALS_AGENT, UNKNOWN, Site
from tests.edge import BOSS_KEY, EVE, HASHED_SHA256, OLD_KEY
from tests.gateways import ADA, ADA_KEY, ADMIN_KEY, BACKEND_KEY, BOB, BOB_KEY, HELPDESK, OTHER_KEY

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_SESSION = (200, -101, "Incorrect API key provided.")
NOT_ADMINISTRATIVE = (200, -102, "This key may not read these consumption logs.")
WRONG_TYPE = (200, -901, "The type must be Daily or Monthly.")
WRONG_FROM = (200, -902, "The date from must be a day in the format yyyyMMdd.")
WRONG_TO = (200, -903, "The date to must be a day in the format yyyyMMdd.")
WRONG_USER, WRONG_MEMORI = (200, -904, "The ID must be a GUID."), (200, -905, "The ID must be a GUID.")
NO_TENANT = (200, -1, "There is no such tenant.")
NO_USER, NO_MEMORI = (200, -12, "There is no such user."), (200, -51, "There is no such memori.")

TENANT, USER, MEMORI = "TenantConsumptionLogs", "UserConsumptionLogs", "MemoriConsumptionLogs"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # the token is looked at first, whatever else is wrong
        (f"{TENANT}/wrong/nobody/Weekly/x/y", NO_SESSION),
        (f"{USER}/wrong/x/Weekly", NO_SESSION),
        (f"{TENANT}/{OLD_KEY}/acme/Daily", NO_SESSION),
        (f"{TENANT}/{HASHED_SHA256}/acme/Daily", NO_SESSION),
        (f"{TENANT}/{'x' * 4000}/acme/Daily", NO_SESSION),
        (f"{TENANT}/{ADA_KEY.upper()}/acme/Daily", NO_SESSION),
        # then the type, the dates, the form of the ID
        (f"{TENANT}/{ADA_KEY}/nobody/Weekly/x/y", WRONG_TYPE),
        (f"{TENANT}/{ADA_KEY}/nobody/daily", WRONG_TYPE),
        (f"{USER}/{ADA_KEY}/x/Daily/2026-01-01/y", WRONG_FROM),
        (f"{USER}/{ADA_KEY}/x/Daily/20260229", WRONG_FROM),
        (f"{USER}/{ADA_KEY}/x/Monthly/20260101/1e400", WRONG_TO),
        (f"{USER}/{ADA_KEY}/x/Monthly", WRONG_USER),
        (f"{USER}/{ADA_KEY}/ada/Monthly", WRONG_USER),
        (f"{MEMORI}/{ADA_KEY}/helpdesk/Monthly", WRONG_MEMORI),
        (f"{MEMORI}/{ADA_KEY}/{HELPDESK}x/Monthly", WRONG_MEMORI),
        (f"{USER}/{ADA_KEY}/x%7Cy=%22'%3Cz%3E/Daily", WRONG_USER),
        # then permission, then existence
        (f"{TENANT}/{ADA_KEY}/acme/Daily", NOT_ADMINISTRATIVE),
        (f"{MEMORI}/{ADA_KEY}/{HELPDESK}/Daily", NOT_ADMINISTRATIVE),
        (f"{TENANT}/{ADMIN_KEY}/nobody/Daily", NO_TENANT),
        (f"{TENANT}/{ADMIN_KEY}/ACME/Daily", NO_TENANT),
        (f"{TENANT}/{ADMIN_KEY}/acme%20/Daily", NO_TENANT),
        (f"{USER}/{ADMIN_KEY}/{UNKNOWN}/Daily", NO_USER),
        (f"{USER}/{BOSS_KEY}/{UNKNOWN}/Monthly", NO_USER),
        (f"{MEMORI}/{ADMIN_KEY}/{UNKNOWN}/Daily", NO_MEMORI),
        (f"{MEMORI}/{BACKEND_KEY}/{ADA}/Daily", NO_MEMORI),
    ],
)
async def test_the_first_thing_that_is_wrong_is_told(site: Site, path: str, expected: tuple[int, int, str]) -> None:
    """Always as JSON with a result code, and HTTP 200, which is all that this API documents."""
    told = await site.get(path)
    assert told.refusal == expected
    assert told.body["requestID"] > 0
    assert (told.headers["Cache-Control"], told.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "WWW-Authenticate" not in told.headers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy(site: Site) -> Site:
    """Give the gateway after calls of both companies, through an agent each."""
    for key, agent in ((ADA_KEY, "helpdesk"), (BOB_KEY, "helpdesk"), (EVE_KEY, "spy")):
        headers = {"Authorization": f"Bearer {key}", "X-Gateway-Agent": agent}
        async with site.edge.client.chat(headers=headers) as answer:
            assert answer.status == 200
    await site.edge.client.company()
    return site


@pytest.mark.parametrize(
    ("key", "whose", "theirs", "unknown", "expected"),
    [
        # a plain user: tenants, other users, agents, his own company's among them
        (ADA_KEY, TENANT, "other", "nobody", NOT_ADMINISTRATIVE),
        (ADA_KEY, TENANT, "acme", "nobody", NOT_ADMINISTRATIVE),
        (ADA_KEY, USER, BOB, UNKNOWN, NOT_ADMINISTRATIVE),
        (ADA_KEY, USER, EVE, UNKNOWN, NOT_ADMINISTRATIVE),
        (ADA_KEY, MEMORI, HELPDESK, UNKNOWN, NOT_ADMINISTRATIVE),
        (ADA_KEY, MEMORI, RIVALS_AGENT, UNKNOWN, NOT_ADMINISTRATIVE),
        (EVE_KEY, USER, ADA, UNKNOWN, NOT_ADMINISTRATIVE),
        # a service and an administrator of a company: what is another company's
        (BACKEND_KEY, TENANT, "other", "nobody", NOT_ADMINISTRATIVE),
        (BACKEND_KEY, USER, EVE, UNKNOWN, NO_USER),
        (BACKEND_KEY, MEMORI, RIVALS_AGENT, UNKNOWN, NO_MEMORI),
        (BOSS_KEY, TENANT, "other", "nobody", NOT_ADMINISTRATIVE),
        (BOSS_KEY, USER, EVE, UNKNOWN, NO_USER),
        (BOSS_KEY, MEMORI, RIVALS_AGENT, UNKNOWN, NO_MEMORI),
        (OTHER_KEY, TENANT, "acme", "nobody", NOT_ADMINISTRATIVE),
        (OTHER_KEY, USER, ADA, UNKNOWN, NO_USER),
        (OTHER_KEY, MEMORI, HELPDESK, UNKNOWN, NO_MEMORI),
    ],
)
@pytest.mark.parametrize("rest", ["Daily", "Monthly/20260101", "Daily/20300101/20200101"])
async def test_nobody_learns_who_exists_elsewhere(
    busy: Site, key: str, whose: str, theirs: str, unknown: str, expected: tuple[int, int, str], rest: str
) -> None:
    """What is another's and what does not exist are refused in the same words, with the same headers."""
    of_theirs = await busy.get(f"{whose}/{key}/{theirs}/{rest}")
    of_unknown = await busy.get(f"{whose}/{key}/{unknown}/{rest}")
    assert of_theirs.refusal == of_unknown.refusal == expected
    assert set(of_theirs.headers) == set(of_unknown.headers)


@pytest.mark.parametrize("header", ["Authorization", "X-Api-Key", "Cookie", "X-Gateway-User"])
async def test_no_header_widens_the_token(site: Site, header: str) -> None:
    """Only the token in the path counts: an administrator's key in a header changes nothing."""
    value = f"Bearer {ADMIN_KEY}" if header == "Authorization" else ADMIN_KEY
    assert (await site.get(f"{USER}/{BOB_KEY}/{ADA}/Daily", **{header: value})).refusal == NOT_ADMINISTRATIVE
    assert (await site.get(f"{TENANT}/wrong/acme/Daily", **{header: value})).refusal == NO_SESSION


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method(site: Site, method: str) -> None:
    """405 in this API's words, before the token is looked at."""
    told = await site.get(f"{TENANT}/wrong/acme/Daily", method=method)
    assert told.refusal[:2] == (405, 405)
    assert told.headers["Allow"].split(", ")[0] == "GET"


@pytest.mark.parametrize(
    "path",
    [
        f"{TENANT}/{ADMIN_KEY}/acme",
        f"{TENANT}/{ADMIN_KEY}/acme/Daily/",
        f"{TENANT}/{ADMIN_KEY}/acme/Daily//",
        f"{TENANT}/{ADMIN_KEY}//Daily",
        f"{TENANT}//acme/Daily",
        f"{TENANT}/{ADMIN_KEY}/../Daily",
        f"{TENANT}/{ADMIN_KEY}/%2e%2e/Daily",
        f"{TENANT}/{ADMIN_KEY}/acme%2FDaily",
        f"{TENANT}/{ADMIN_KEY}/acme%00/Daily",
        f"{TENANT}/{ADMIN_KEY}/acme;a=b/Daily",
        f"{TENANT}/{ADMIN_KEY}/%2561cme/Daily",
        f"{TENANT}/{ADMIN_KEY}/%C3%A9/Daily",
        f"{TENANT}/{ADMIN_KEY}/acme/Daily/20260101/20260102/20260103",
        f"tenantconsumptionlogs/{ADMIN_KEY}/acme/Daily",
        f"CompanyConsumptionLogs/{ADMIN_KEY}/acme/Daily",
    ],
)
async def test_a_path_of_another_form_is_none(site: Site, path: str) -> None:
    """What some server could read otherwise is 404, and says nothing of what was asked."""
    (reply,) = await site.edge.talk(f"GET /api/v2/{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert reply.status == 404
    assert ADMIN_KEY.encode() not in reply.body


async def test_a_listed_page_may_read_whatever_is_answered(site: Site) -> None:
    """Its origin is echoed, with credentials, on answers and on refusals; another page's is not."""
    for path, code in (
        (f"{USER}/{ADA_KEY}/{ADA}/Daily", 0),
        (f"{USER}/{ADA_KEY}/{BOB}/Daily", -102),
        (f"{USER}/wrong/{ADA}/Daily", -101),
    ):
        told = await site.get(path, Origin=PAGE)
        assert told.body["resultCode"] == code
        assert told.headers["Access-Control-Allow-Origin"] == PAGE
        assert told.headers["Access-Control-Allow-Credentials"] == "true"
        strange = await site.get(path, Origin=f"{PAGE}.evil.example")
        assert strange.body["resultCode"] == code
        assert not [name for name in strange.headers if name.startswith("Access-Control-")]
        assert told.headers["Vary"] == strange.headers["Vary"] == "Origin"


async def test_a_browser_that_asks_first_is_told(site: Site) -> None:
    """A listed page's preflight is 204 without a look at the token; another's is 405 without a permission."""
    url = f"{site.edge.client.url}/api/v2/{TENANT}/wrong/acme/Daily"
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "content-type"}
    async with site.edge.client.session.options(url, headers={"Origin": PAGE, **asked}) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Allow-Methods"] == "GET"
        assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    for origin in ("https://evil.example", "null", "*"):
        told = await site.get(f"{TENANT}/wrong/acme/Daily", method="OPTIONS", Origin=origin, **asked)
        assert told.refusal[:2] == (405, 405)
        assert not [name for name in told.headers if name.startswith("Access-Control-")]
