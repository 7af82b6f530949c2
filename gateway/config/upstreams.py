"""Owns providers, purposes and prices: what exists to be called, why, and what it costs."""

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path as FilePath
from types import MappingProxyType

from gateway.config.accounts import ProviderSection
from gateway.config.findings import Findings, Path
from gateway.config.pricing import price_of
from gateway.config.schema import CreditsSection, Document
from gateway.config.trust import tls_context
from gateway.config.value import Credits
from gateway.model import (
    DIALECT_WIRES,
    MICROS,
    ModelSpec,
    Price,
    Provider,
    Purpose,
    Secret,
    TemplateTokens,
    Timeouts,
    Wire,
)
from gateway.model.headers import CLIENT_OWNED

# A header that decides how a request travels, or that the gateway itself sets.
_OUR_HEADERS = CLIENT_OWNED | {"content-type"}
# Their paths begin with a version, so their address must not end with one.
_WITHOUT_VERSION = frozenset({"anthropic", "gemini", "ollama", "bedrock"})
_VERSION = re.compile(r"/(v1|v1beta|api)/?$")
_NOT_FOR_DEMO = ("base_url", "api_key", "ca_file", "cert_file", "headers", "template_tokens")


def build_providers(document: Document, directory: FilePath, findings: Findings) -> Mapping[str, Provider]:
    """Make the providers, in the file's order; `directory` is where relative CA files stand."""
    for name, section in document.providers.items():
        _check_upstream(section, ("providers", name), findings)
        _check_headers(section, ("providers", name, "headers"), findings)
    _check_models(document.providers, findings)
    return MappingProxyType(
        {name: _provider(name, section, directory, findings) for name, section in document.providers.items()}
    )


def build_purposes(document: Document, findings: Findings) -> Mapping[str, Purpose]:
    """Make the purposes, in the file's order."""
    check_purpose(document, document.default_purpose, ("default_purpose",), findings)
    return MappingProxyType(
        {
            code: Purpose(code, section.description, section.category, section.deep_thought, section.imports)
            for code, section in document.purposes.items()
        }
    )


def build_prices(document: Document) -> Mapping[tuple[str, str], Price]:
    """Make the prices in dollars that the file states, by (provider, listed model)."""
    return MappingProxyType(
        {
            (provider, model): price_of(spec.price)
            for provider, section in document.providers.items()
            for model, spec in section.models.items()
            if spec.price is not None
        }
    )


def build_credits(section: CreditsSection, providers: Mapping[str, Provider], findings: Findings) -> Credits:
    """Make the prices in credits, in millionths of one."""
    for name in section.models:
        if not has_model(providers.values(), name):
            findings.add(("credits", "models", name), "is a price for a model that no provider lists")
    prices = {name: (int(price.input * MICROS), int(price.output * MICROS)) for name, price in section.models.items()}
    return Credits(int(section.per_1k_tokens * MICROS), MappingProxyType(prices), section.timezone)


def check_purpose(document: Document, code: str, path: Path, findings: Findings) -> None:
    """Note a purpose that is not configured."""
    if code not in document.purposes:
        findings.add(path, f"is no purpose; there are: {', '.join(document.purposes)}")


def has_model(providers: Iterable[Provider], glob: str) -> bool:
    """Whether a call to one of `providers` could be for a model that `glob` matches; theirs with `*` could be any."""
    return any(spec.is_pattern or fnmatchcase(spec.name, glob) for provider in providers for spec in provider.models)


def _provider(name: str, section: ProviderSection, directory: FilePath, findings: Findings) -> Provider:
    template = section.template_tokens
    ca_file = None if section.ca_file is None else str(directory / section.ca_file)
    cert_file = None if section.cert_file is None else str(directory / section.cert_file)
    if not _is_readable(lambda: tls_context(ca_file)):
        findings.add(("providers", name, "ca_file"), "is no readable PEM file of certificates")
    elif not _is_readable(lambda: tls_context(ca_file, cert_file)):
        findings.add(("providers", name, "cert_file"), "is no readable PEM file of a certificate and its key")
    return Provider(
        name=name,
        dialect=section.dialect,
        base_url=section.base_url or "",
        api_key=None if section.api_key is None else Secret(section.api_key),
        models=tuple(
            ModelSpec(model, spec.max_output_tokens, spec.reasoning) for model, spec in section.models.items()
        ),
        chargeable=section.chargeable,
        media_tokens=section.media_tokens,
        unseen_tokens=section.unseen_tokens,
        api_version=section.api_version,
        template_tokens=TemplateTokens(template.plain, template.tools) if template else None,
        timeouts=Timeouts(**section.timeouts.model_dump()),
        ca_file=ca_file,
        cert_file=cert_file,
        headers=tuple((header, Secret(value)) for header, value in section.headers.items()),
        on_disconnect=section.on_disconnect,
    )


def _is_readable(read: Callable[[], object]) -> bool:
    try:
        read()
    except OSError:
        return False
    return True


def _check_upstream(section: ProviderSection, path: Path, findings: Findings) -> None:
    template = section.template_tokens
    if template is not None and template.tools < template.plain:
        findings.add((*path, "template_tokens", "tools"), "is below plain: tools only add to a prompt")
    if section.api_version is not None and section.dialect != "azure":
        findings.add((*path, "api_version"), "has a meaning for the dialect azure only")
    if section.dialect != "demo":
        if section.base_url is None:
            findings.add(path, f"needs a base_url, as its dialect is {section.dialect}")
        elif section.dialect in _WITHOUT_VERSION and _VERSION.search(section.base_url):
            findings.add((*path, "base_url"), f"ends with a version, which the dialect {section.dialect} adds itself")
        return
    for name in _NOT_FOR_DEMO:
        if name in section.model_fields_set:
            findings.add((*path, name), "has no meaning for the dialect demo, which is built in")


def _check_headers(section: ProviderSection, path: Path, findings: Findings) -> None:
    seen: set[str] = set()
    for header in section.headers:
        name = header.lower()
        if name in _OUR_HEADERS:
            findings.add((*path, header), "is a header that the gateway itself decides")
        elif name in seen:
            findings.add((*path, header), "stands here twice: letter case makes no difference in headers")
        elif name == "authorization" and section.api_key is not None:
            findings.add((*path, header), "is sent already, as there is an api_key")
        seen.add(name)


def _check_models(providers: Mapping[str, ProviderSection], findings: Findings) -> None:
    listed: dict[tuple[str, Wire], str] = {}
    for provider, section in providers.items():
        for model in section.models:
            path = ("providers", provider, "models", model)
            prefix, slash, _ = model.partition("/")
            if slash and prefix in providers:
                findings.add(path, f"could also be a model of the provider {prefix}: rename that provider")
                continue
            name = (model, DIALECT_WIRES[section.dialect])
            if "*" not in model and name in listed:
                findings.add(path, f"is listed by the provider {listed[name]} too; only a pattern may stand twice")
            listed.setdefault(name, provider)
