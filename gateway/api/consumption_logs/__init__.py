"""Consumption logs: what each user consumed through each agent (a "memori"), by day or by month.

`GET /api/v2/{Tenant|User|Memori}ConsumptionLogs/{token}/{tenant name|id}/{Daily|Monthly}[/{from}[/{to}]]`

The rules that matter: the token is a key of the gateway, so no path is ever repeated; clients look at `resultCode` and
never at the HTTP status, so whatever happens they are answered with JSON that has one.
"""

from gateway.api.consumption_logs.handlers import entries

ENTRIES = entries()
