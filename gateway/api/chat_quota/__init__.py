"""A user's token quotas of the day, the week and the month: read, and set by who administers them.

    GET  /api/chat-quota/usage/[?user_uuid=]    fifteen fields, from the ledger's own read
    POST /api/chat-quota/set_quota/             changes the limits that are named; null clears: the file's applies

Paths, fields and the words of errors are Django REST framework's, as the clients of this API expect them. The rule that
matters: permission comes before existence, so who may not ask learns nothing from the answer.
"""

from collections.abc import Mapping

from gateway.api.chat_quota.handlers import set_quota, usage
from gateway.api.chat_quota.words import tell
from gateway.api.entry import Entry

ENTRIES: Mapping[str, Entry] = {
    "/api/chat-quota/usage/": Entry({"GET": usage}, tell),
    "/api/chat-quota/set_quota/": Entry({"POST": set_quota}, tell),
}
