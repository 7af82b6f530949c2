"""Counting tokens: vocabularies from disk, text of any kind, prompts before a call, answers without a usage.

The one rule: a number that is not exact is never knowingly below the truth, and no text, however hostile, raises,
blocks the event loop or makes a network call.
"""

from gateway.tokens.correction import Corrections
from gateway.tokens.counter import Counted, Counter
from gateway.tokens.estimate import added_tokens, bound, exact, output_tokens
from gateway.tokens.families import family_of
from gateway.tokens.parts import Parts, prompt_parts
from gateway.tokens.vocabulary import Vocabularies, encoding_for

__all__ = [
    "Corrections",
    "Counted",
    "Counter",
    "Parts",
    "Vocabularies",
    "added_tokens",
    "bound",
    "encoding_for",
    "exact",
    "family_of",
    "output_tokens",
    "prompt_parts",
]
