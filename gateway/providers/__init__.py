"""The wire languages: which field is the model, where usage stands, what bounds the output. Pure; no I/O, no budgets.

    dialect    three tables: a provider's dialect, an operation's wire format, a language's errors
    format     what a wire format answers; metering: what every stream's meter does
    openai     one package or module for each language
    request    decoding, fields, headers        answer    sse, ndjson, eventstream (framing)
    where      route: model -> provider         names     what a model's name tells

The rule that matters: bytes pass through. What is read here is read to meter it, never to translate it.
"""

from gateway.providers.decoding import decode
from gateway.providers.dialect import DIALECTS, ERRORS, FORMATS, Dialect
from gateway.providers.format import Format, Meter, Outgoing
from gateway.providers.headers import answer_headers, forward_headers, require_media
from gateway.providers.route import Routes

__all__ = [
    "DIALECTS",
    "ERRORS",
    "FORMATS",
    "Dialect",
    "Format",
    "Meter",
    "Outgoing",
    "Routes",
    "answer_headers",
    "decode",
    "forward_headers",
    "require_media",
]
