"""What the endpoint table is made of: a path's methods, and in whose words its errors are told."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway.api.answers import Speaker, openai_error
from gateway.pipeline.gateway import Gateway

Handler = Callable[[Gateway, web.BaseRequest, str, Mapping[str, str]], Awaitable[web.StreamResponse]]
"""Answers a request, given its call id and the values of its path's segments; raises GatewayError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path: its methods, and the API family whose error shape its clients understand.

    `is_probe`: answered however busy the gateway is, and whichever host was asked for, as it tells no more than health.
    `asks_key`: whether a caller is asked for a key at all.
    """

    methods: Mapping[str, Handler]
    speak: Speaker = openai_error
    is_probe: bool = False
    asks_key: bool = True
