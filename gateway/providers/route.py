"""Which provider serves a model.

The rules that matter: an exact name beats a pattern, a longer literal start a shorter one, then the file's order; one
model may be listed by a provider of each wire language, and the operation tells which is meant; and neither that a
provider is off nor that it speaks another language sends what names it to another one's pattern.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase, translate

from gateway.errors import ModelNotFound, ProviderOff
from gateway.model import DIALECT_WIRES, Endpoint, ModelSpec, Provider, Route, Wire
from gateway.providers.dialect import DIALECTS


class _List:
    """Models of one or of all providers, ready to be searched."""

    def __init__(self, entries: list[tuple[Provider, ModelSpec]]) -> None:
        self._exact = {
            spec.name: Route(provider, spec, spec.name) for provider, spec in reversed(entries) if not spec.is_pattern
        }
        patterns = [(provider, spec) for provider, spec in entries if spec.is_pattern]
        patterns.sort(key=lambda entry: -entry[1].name.index("*"))
        self._patterns = [(re.compile(translate(spec.name)), provider, spec) for provider, spec in patterns]

    def exact(self, model: str) -> Route | None:
        return self._exact.get(model)

    def pattern(self, model: str) -> Route | None:
        return next((Route(owner, spec, model) for glob, owner, spec in self._patterns if glob.match(model)), None)


class Routes:
    """All models of the configuration; built once from its providers in the file's order."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = tuple(providers.values())
        entries = [(provider, spec) for provider in self._providers for spec in provider.models]
        self._all = _List(entries)
        self._speaking = {
            wire: _List([entry for entry in entries if DIALECT_WIRES[entry[0].dialect] is wire]) for wire in Wire
        }
        self._own = {
            provider.name: _List([(provider, spec) for spec in provider.models]) for provider in self._providers
        }

    def find(self, model: str, allowed: tuple[str, ...], endpoint: Endpoint | None = None) -> Route:
        """Find where `model` or `provider/model` lives, for an operation if one is given.

        `allowed` are the key's globs on either spelling; empty allows all. Raises ModelNotFound (unknown or not
        allowed, the same words for both; or not to be had at this endpoint) and ProviderOff.
        """
        route = self._found(model, None if endpoint is None else endpoint.wire)
        if route is None or not _is_allowed(route, allowed):
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise ModelNotFound(message, param="model")
        if endpoint is not None and endpoint not in DIALECTS[route.provider.dialect].ENDPOINTS:
            served = _served(route.provider.dialect)
            raise ModelNotFound(f"The model `{model}` is not served here: {served}.", param="model")
        if route.provider.is_off:
            name = route.provider.name
            raise ProviderOff(f"The model `{model}` is served by `{name}`, which is off: it has no credential.")
        return route

    def listed(self, allowed: tuple[str, ...], wire: Wire | None = None) -> list[Route]:
        """Give the models that have an exact name at a provider that is on, in the file's order; of one language."""
        routes = (
            Route(provider, spec, spec.name)
            for provider in self._providers
            if not provider.is_off and wire in {None, DIALECT_WIRES[provider.dialect]}
            for spec in provider.models
            if not spec.is_pattern
        )
        return [route for route in routes if _is_allowed(route, allowed)]

    def _found(self, model: str, wire: Wire | None) -> Route | None:
        """Look for an exact name, then for a first part that names a provider, then through the patterns."""
        speaking = self._all if wire is None else self._speaking[wire]
        exact = speaking.exact(model) or self._all.exact(model)
        if exact is not None:
            return exact
        prefix, _, rest = model.partition("/")
        own = self._own.get(prefix) if rest else None
        if own is not None:
            return own.exact(rest) or own.pattern(rest)
        return speaking.pattern(model) or self._all.pattern(model)


def _served(dialect: str) -> str:
    """Say which operations a dialect takes, by their names in usage and logs."""
    names = [endpoint for endpoint in Endpoint if endpoint in DIALECTS[dialect].ENDPOINTS]
    return f"its provider's dialect ({dialect}) has {', '.join(names)}"


def _is_allowed(route: Route, allowed: tuple[str, ...]) -> bool:
    if not allowed:
        return True
    spellings = (route.model, f"{route.provider.name}/{route.model}")
    return any(fnmatchcase(spelling, glob) for glob in allowed for spelling in spellings)
