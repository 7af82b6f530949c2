"""A proxied call, in order. This room knows the order of things, and not how any step works.

    entry      one call from its request to its answer: the screenful to read first
    gateway    what a call needs, built once
    arrival    the request's bytes: media type, length, encoding
    bodies     how many of them a worker holds, in all and of each key
    admission  estimate, reserve, and what is sent upstream as a cap
    hold       what was set aside for one call: grown, kept alive, settled or released, once
    whole      an answer that comes in one piece
    direct     how it is written to its client
    stream     an answer that flows
    reckoning  what an answer took, where the provider said so and where not
    sending    the request to the provider
    turns      how much of what crowds leave behind is done in a turn of the loop
    aside      long work on JSON, off the event loop
    tasks      work that outlives its handler
    limits     budgets in headers
    refusal    a refused reservation as an error

The one rule that matters: a call that reached an upstream is settled on every way out, and before the byte that ends
its answer is passed on.
"""
