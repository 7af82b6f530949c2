"""Every number about tokens that a provider, not we, decides: one table, each row with its source and date.

The one rule: a number that is only measured is rounded up, because an estimate below the truth lets a budget overrun.
Sources, all read or measured in 2026: [cookbook] OpenAI, "How to count tokens with tiktoken"; [traffic] the largest
difference seen on 1,984 recorded provider calls; [corpora] tokens against o200k_base on English, code, JSON, Russian,
Chinese, Japanese, base64 and hex, the worst natural one.
"""

import re

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

# ---------------------------------------------------------------- what OpenAI's responses have beside it
INSTRUCTIONS_SLACK_TOKENS = 18  # hidden beside `instructions` until the spring of 2025 [traffic]
RESPONSES_TOOLS_TOKENS = 240  # hidden beside tools: 210-222 until the spring of 2025, none since [traffic]
COMPACTION_TOKENS = 128  # what a compaction is asked with; 95 seen [traffic]
PRO_TOKENS = 1600  # a -pro model may read a prompt more than once: 1,530 over the formula [traffic]
SEALED_CHARACTERS_PER_TOKEN = 4  # of encrypted reasoning that is sent back; 8.9 and more were seen [traffic]

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


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
REMEMBERED_CHARACTERS = 1024  # shorter texts are counted (40 us) about as fast as they are looked up and stored
COUNTS_REMEMBERED_AT_MOST = 4096  # a digest and a number each: under 1 MB
