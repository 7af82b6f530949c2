"""Header fields that speak about one connection or its framing: no side may set them for the other."""

HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
# What the HTTP client states itself; a second opinion in the request would be a smuggling tool.
CLIENT_OWNED = HOP_BY_HOP | {"accept-encoding", "content-encoding", "content-length", "expect", "host"}
