"""Everything that reads what others wrote, fed with what nobody would write.

    cases       how a case is bytes: numbers, then data; mutations of real data
    framings    SSE, JSON lines, Gemini's array, Amazon's messages
    requests    the JSON reader, every Format.read, forms
    meters      mutated real streams in any split
    documents   the configuration, path templates, the usage and quota APIs' queries and bodies, webhook bodies
    trees       nearly right configurations;  rich: requests with all that the APIs' documents show
    records     journals, forwarded addresses
    wires       raw HTTP, through a socket pair
    targets     all of them by name;  corpus: the cases kept;  __main__: for longer, with random seeds

The rule that matters: a target takes one case, as bytes, and raises where a promise is broken: any case can be a file.
"""
