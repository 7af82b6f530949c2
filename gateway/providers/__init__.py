"""The wire dialects: which field is the model, where usage stands, what bounds the output. Pure; no I/O, no budgets.

    request   decoding -> fields, refusals -> reading -> Call        sending -> the upstream's bytes       headers
    answer    sse -> meter (streams)    usage, texts (both)          endings: refusals, errors, cuts
    where     route: model -> provider  names: what a model's name tells

The rule that matters: bytes pass through. What is read here is read to meter it, never to translate it.
"""

from gateway.providers.decoding import decode
from gateway.providers.dialect import DIALECTS, Dialect, Meter
from gateway.providers.headers import answer_headers, forward_headers, require_json
from gateway.providers.route import Routes

__all__ = [
    "DIALECTS",
    "Dialect",
    "Meter",
    "Routes",
    "answer_headers",
    "decode",
    "forward_headers",
    "require_json",
]
