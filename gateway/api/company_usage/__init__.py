"""Company usage: the tokens of a company's rolling window, read and reported, as ServiceStack clients know it.

The operations are `GetAiChatUsage` and `RecordAiChatUsage`; each has its own route and ServiceStack's pre-defined ones
(https://docs.servicestack.net/routing#pre-defined-routes). The rule that matters: names are bound in any case and any
format, but every answer, refusals included, is in the format that was asked for.
"""

from collections.abc import Mapping

from gateway.api.company_usage.answers import speak
from gateway.api.company_usage.handlers import get_usage, record_usage
from gateway.api.entry import Entry

# A read may be sent as POST: that is what the clients do with a request whose type names no method.
_READ = Entry({"GET": get_usage, "POST": get_usage}, speak)
_RECORD = Entry({"POST": record_usage}, speak)

ENTRIES: Mapping[str, Entry] = {
    "/assistant/ai-chat/usage{suffix}": Entry({"GET": get_usage, "POST": record_usage}, speak),
    "/api/GetAiChatUsage{suffix}": _READ,
    "/api/RecordAiChatUsage{suffix}": _RECORD,
    "/{format}/reply/GetAiChatUsage{suffix}": _READ,
    "/{format}/reply/RecordAiChatUsage{suffix}": _RECORD,
}
