"""Every number about tokens that a provider, not we, decides: one table, each row with its source and date.

The one rule: a number that is only measured is rounded up, because an estimate below the truth lets a budget overrun.
Sources, all read or measured in 2026: [cookbook] OpenAI, "How to count tokens with tiktoken"; [traffic] the largest
difference seen on 1,984 recorded provider calls; [corpora] tokens against o200k_base on English, code, JSON, Russian,
Chinese, Japanese, base64 and hex, the worst natural one.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from gateway.model import Endpoint

# ---------------------------------------------------------------- the OpenAI chat formula
REPLY_TOKENS = 3  # "every reply is primed with <|start|>assistant<|message|>" [cookbook]
MESSAGE_TOKENS = 3  # around each message [cookbook]
ROLE_TOKENS = 1  # each known role is one token of both vocabularies [checked by a test]
NAME_TOKENS = 1  # beside the tokens of a message's `name` [cookbook]
TOOL_CALL_TOKENS = 8  # around each call in an assistant message [traffic]
PARALLEL_CALLS_TOKENS = 12  # the wrapper around two or more calls of one message [traffic]
TOOLS_TOKENS = 9  # around the rendered definitions [traffic]
TOOLS_AFTER_SYSTEM_TOKENS = -4  # saved when the definitions join an existing system message [traffic]
NODE_TOKENS = 2  # quotes, colon and comma of one key or value, where a prompt is counted as JSON [corpora]

# The operations that a chat template stands around; of the others, the prompt goes to the model as it is.
CHATS = frozenset(
    {
        Endpoint.CHAT,
        Endpoint.RESPONSES,
        Endpoint.MESSAGES,
        Endpoint.GENERATE_CONTENT,
        Endpoint.OLLAMA_CHAT,
        Endpoint.CONVERSE,
    }
)

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


@dataclass(frozen=True, slots=True)
class Family:
    """Models that count alike.

    `pattern` is searched in the model's name, `formula` says that the OpenAI formula counts the prompt; otherwise it is
    `multiplier` x the o200k count of the body. The rest are tokens that the provider adds and we cannot see: for a
    plain prompt, for one with tools, and for an endpoint without a chat template.
    """

    name: str
    pattern: re.Pattern[str]
    multiplier: Fraction
    formula: bool
    plain_tokens: int
    tools_tokens: int
    bare_tokens: int

    def added_tokens(self, endpoint: Endpoint, *, has_tools: bool) -> int:
        """Give what the provider adds to a prompt of this kind."""
        if endpoint not in CHATS:
            return self.bare_tokens
        return self.tools_tokens if has_tools else self.plain_tokens


def _openai(name: str, pattern: str, *, plain: int = 0, tools: int = 8) -> Family:
    """Build a row counted by the formula; 8 tokens of slack with tools: never below the truth with them [traffic]."""
    return Family(
        name, re.compile(pattern), Fraction(1), formula=True, plain_tokens=plain, tools_tokens=tools, bare_tokens=0
    )


def _other(name: str, pattern: str, multiplier: str) -> Family:
    """Build an estimated row; 700 and 1,500 tokens cover every provider but Cohere with room to spare [traffic]."""
    return Family(
        name,
        re.compile(pattern),
        Fraction(multiplier),
        formula=False,
        plain_tokens=700,
        tools_tokens=1500,
        bare_tokens=64,
    )


DEMO = _openai("demo", r"^demo$", tools=0)
UNKNOWN = _other("unknown", r"", "1.6")  # the largest multiplier of the table

FAMILIES = (
    DEMO,
    # o1-mini: 7 tokens over the formula [traffic]. With tools on Chat: 78-84 over it [traffic], and the slack.
    _openai("openai-reasoning-1", r"^(ft:)?o1-(mini|preview)", plain=8, tools=92),
    _openai("openai-reasoning", r"^(ft:)?(o\d|gpt-[5-9]|codex-)", tools=92),
    _openai("openai", r"^(ft:)?(gpt-(3|4)|chatgpt-|text-embedding-|davinci-|babbage-)"),
    # The same vocabularies behind other chat templates: gpt-oss (harmony), and OpenAI's models at a reseller.
    _other("openai-elsewhere", r"(^|/)(gpt-|o\d|chatgpt-|codex-|text-embedding-(3|ada))", "1.0"),
    # A new tokenizer since Opus 4.7 and Sonnet 5: "approximately 30 percent more" (Anthropic, token counting guide),
    # 1.42 x measured on English (S. Willison).
    _other("claude-4.6", r"claude-((instant|v?[123])\b|[a-z]+-4(?![-.]([7-9]|\d\d)(?!\d))(?!\d))", "1.25"),
    _other("claude", r"claude", "1.6"),
    _other(
        "mistral", r"mi[sx]tral|codestral|magistral|devstral|pixtral|ministral|voxtral|command|cohere|nova-", "1.25"
    ),
    _other("open-weights", r"llama|qwen|qwq|deepseek|gemini|gemma", "1.15"),  # [corpora]
    UNKNOWN,
)


# ---------------------------------------------------------------- which vocabulary
O200K = "o200k_base"
CL100K = "cl100k_base"
# tiktoken/model.py 0.14; Azure writes gpt-35. All newer and all unknown names: o200k_base.
CL100K_MODELS = re.compile(r"(^|/)(ft:)?(gpt-4(?![\do.])|gpt-3\.?5|text-embedding-(3|ada-002)|davinci-002|babbage-002)")


# ---------------------------------------------------------------- what counting may take (measured on 2 cores, 2026)
PIECE_CHARACTERS = 8 * 1024  # at most 2 ms of one core; twice as long, and the loop lags 20 ms beside two threads
HARD_CUT_TOKENS = 2  # the most that one cut saved in 78,000 random ones of 13 kinds of text
INLINE_CHARACTERS = 4 * 1024  # 0.1-0.8 ms, less than handing it to a thread and back
POOL_THREADS = 2
POOL_JOBS_AT_MOST = 32
POOL_CHARACTERS_AT_MOST = 16 * 1024 * 1024  # about a second of both threads on hostile text
SCHEMA_DEPTH_AT_MOST = 32  # tool schemas of real programs nest 3-10 levels
