"""A company that takes reports from its services and administrators only."""

from pathlib import Path

import pytest

from gateway.store.connection import Store
from tests.api.company_usage.calls import ROUTE, bearer, refused, usage
from tests.edge import BOSS_KEY, KEYS
from tests.gateways import ACME, ADA_KEY, ADMIN_KEY, BACKEND_KEY, OTHER_KEY, Limits, gateway_running

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("body", [{"TokensUsed": 1_000_000_000}, {"TokensUsed": 5, "CompanyId": ACME}])
async def test_users_may_not_report(valkey_store: Store, tmp_path: Path, body: dict[str, object]) -> None:
    """With `users_may_report: false` a user's report is 403 and charges nothing; the others' count, and users read."""
    limits = Limits(company=", users_may_report: false", keys=KEYS)
    async with gateway_running(valkey_store, tmp_path, NOWHERE, limits) as client:
        status, told = await refused(client, "POST", ROUTE, json=body, headers=bearer(ADA_KEY))
        assert (status, told["ErrorCode"]) == (403, "Forbidden")
        assert (await usage(client, headers=bearer(ADA_KEY)))["TokensUsed"] == 0
        report = {"TokensUsed": 5}
        for count, key in enumerate((BACKEND_KEY, BOSS_KEY), start=1):
            assert (await usage(client, "POST", json=report, headers=bearer(key)))["TokensUsed"] == 5 * count
        by_admin = await usage(client, "POST", json={**report, "CompanyId": ACME}, headers=bearer(ADMIN_KEY))
        assert by_admin["TokensUsed"] == 15
        assert (await usage(client, "POST", json=report, headers=bearer(OTHER_KEY)))["TokensUsed"] == 5
