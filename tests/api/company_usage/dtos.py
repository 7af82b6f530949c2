"""The request and response types as ServiceStack's generator writes them for Python, for its own client.

They bind camelCase only, so a Python client asks for `jsconfig=eccn`.
"""
# ruff: noqa: UP045 - the client takes `Optional` apart, and knows no `X | None`

from dataclasses import dataclass
from typing import Optional

from dataclasses_json import LetterCase, Undefined, dataclass_json
from servicestack import IGet, IPost, IReturn, ResponseStatus


@dataclass_json(letter_case=LetterCase.CAMEL, undefined=Undefined.EXCLUDE)
@dataclass
class AiChatUsageResponse:
    company_id: Optional[str] = None
    tokens_used: int = 0
    token_limit: int = 0
    tokens_remaining: int = 0
    is_within_budget: bool = False
    window_days: int = 0
    response_status: Optional[ResponseStatus] = None


@dataclass_json(letter_case=LetterCase.CAMEL, undefined=Undefined.EXCLUDE)
@dataclass
class GetAiChatUsage(IReturn[AiChatUsageResponse], IGet):
    company_id: Optional[str] = None


@dataclass_json(letter_case=LetterCase.CAMEL, undefined=Undefined.EXCLUDE)
@dataclass
class RecordAiChatUsage(IReturn[AiChatUsageResponse], IPost):
    company_id: Optional[str] = None
    tokens_used: Optional[int] = None
