"""The credit bill: what a company's calls cost in credits, by billing day and category.

`GET /v1/account/bill/page` gives an array of days, a page of it at a time; `GET /v1/account/bill/total` their sum.
Billing days begin at midnight in `credits.timezone`. Failures are `{"code", "message"}`.
"""

from collections.abc import Mapping

from gateway.api.credit_bill.handlers import page, tell, total
from gateway.api.entry import Entry

ENTRIES: Mapping[str, Entry] = {
    "/v1/account/bill/page": Entry({"GET": page}, tell),
    "/v1/account/bill/total": Entry({"GET": total}, tell),
}
