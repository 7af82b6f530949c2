"""A far end that misbehaves on command: a real OpenAI-compatible server in a process of its own.

    python -m tests.provider [--port 0] [--key SECRET]      prints {"port": N} when it listens

It serves POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses with /compact and /input_tokens, the
same below /openai/v1 and /openai/deployments/NAME (Azure's, where the name is the model), and GET /v1/models. What it
does is written in the model's name, so that any gateway carries it unchanged:

    m:DIRECTIVE.DIRECTIVE...        each `word` or `word-value`, in any order; an unknown one is a 400
    gpt-4o/m:DIRECTIVE              the same; a gateway counts its prompt as that model's
    anything else                   behaves like `m:`

    answer      tokens-N    N output tokens a choice (12), each a word of one o200k_base token, one a frame; max_tokens,
                            max_completion_tokens and n are honoured          overrun   ignores the limits
                think-N     N hidden reasoning tokens, in completion_tokens   cached-N  cached prompt tokens reported
                call        the same, until the request holds a tool's result
                echo        the last user message comes first                 tools     a tool call with N words in it
                huge-N      one frame whose text is N bytes longer            prompt-N  the prompt is N tokens
    time        first-MS    before the headers      delay-MS  before each token (and each reasoning token)
                gate-N      a stream stops after N tokens, another answer does not begin, until POST /_open
    usage       usage-X     asked (default: in streams when asked for), none, always, null, null-after (a null follows),
                            zero, wrong (1 and 1), junk (wrong types), continuous (vLLM), groq (three copies), finish
                            (with the finish_reason, no extra frame)
    wire        chunk-N     one write per N bytes   crlf  CRLF line ends   ping  a comment before each frame
                nodone      no [DONE]               gzip, deflate, br      compressed in spite of `identity`
                bomb-N      gzip of N MiB of spaces badjson  frames that are not JSON
    failures    status-N    an error answer         retry-N   its Retry-After     redirect-PORT  307 to another origin
                cut-N       reset after N bytes of the body     fin-N    closed after N bytes
                stall-N     silent after N bytes                silent   no answer at all
                garbage     not HTTP                error-N   an error frame after N tokens
                extra       a second answer that nobody asked for, 50 ms later
                deaf        refuses stream_options, as older servers do
                naughty     headers that must not pass          leak      the error answer repeats the request's headers

What really happened is kept for the tests to compare: GET /_log (a list of entries, server.Entry), GET /_served
(totals), POST /_reset (which shuts the gate, too). A token counts as served when the whole frame that holds it was
written before the client left.
"""
