"""Which provider serves a model.

The rules that matter: an exact name beats a pattern, a longer literal start a shorter one, then the file's order; and
whether a provider is on never changes the choice, so that a missing credential cannot send data to another.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase, translate

from gateway.errors import ModelNotFound, ProviderOff
from gateway.model import ModelSpec, Provider, Route


class _List:
    """Models of one or of all providers, ready to be searched."""

    def __init__(self, entries: list[tuple[Provider, ModelSpec]]) -> None:
        self._exact = {spec.name: (provider, spec) for provider, spec in reversed(entries) if not spec.is_pattern}
        patterns = [(provider, spec) for provider, spec in entries if spec.is_pattern]
        patterns.sort(key=lambda entry: -entry[1].name.index("*"))
        self._patterns = [(re.compile(translate(spec.name)), provider, spec) for provider, spec in patterns]

    def exact(self, model: str) -> Route | None:
        found = self._exact.get(model)
        return None if found is None else Route(*found, model)

    def pattern(self, model: str) -> Route | None:
        return next((Route(owner, spec, model) for glob, owner, spec in self._patterns if glob.match(model)), None)


class Routes:
    """All models of the configuration; built once from its providers in the file's order."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = tuple(providers.values())
        self._all = _List([(provider, spec) for provider in self._providers for spec in provider.models])
        self._own = {
            provider.name: _List([(provider, spec) for spec in provider.models]) for provider in self._providers
        }

    def find(self, model: str, allowed: tuple[str, ...]) -> Route:
        """Find where `model` or `provider/model` lives.

        `allowed` are the key's globs on either spelling; empty allows all. Raises ModelNotFound (unknown or not
        allowed, the same words for both) and ProviderOff.
        """
        route = self._all.exact(model) or self._explicit(model)
        if route is None or not _is_allowed(route, allowed):
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise ModelNotFound(message, param="model")
        if route.provider.is_off:
            name = route.provider.name
            raise ProviderOff(f"The model `{model}` is served by `{name}`, which is off: it has no credential.")
        return route

    def listed(self, allowed: tuple[str, ...]) -> list[Route]:
        """Give the models that have an exact name at a provider that is on, in the file's order."""
        routes = (
            Route(provider, spec, spec.name)
            for provider in self._providers
            if not provider.is_off
            for spec in provider.models
            if not spec.is_pattern
        )
        return [route for route in routes if _is_allowed(route, allowed)]

    def _explicit(self, model: str) -> Route | None:
        """Take a first part that names a provider as one; else look through the patterns of all."""
        prefix, _, rest = model.partition("/")
        own = self._own.get(prefix) if rest else None
        if own is None:
            return self._all.pattern(model)
        return own.exact(rest) or own.pattern(rest)


def _is_allowed(route: Route, allowed: tuple[str, ...]) -> bool:
    spellings = (route.model, f"{route.provider.name}/{route.model}")
    return not allowed or any(fnmatchcase(spelling, glob) for glob in allowed for spelling in spellings)
