"""Owns whom a provider's connection trusts, and what it shows: the TLS context that its files describe."""

import ssl


def tls_context(ca_file: str | None, cert_file: str | None = None) -> ssl.SSLContext:
    """Verify host and chain, TLS 1.2 or later; with a CA file, that one is trusted and no other.

    `cert_file` is shown to a provider that asks for a certificate. OSError: a file cannot be read, or is no such file.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert_file is not None:
        context.load_cert_chain(cert_file, password=_no_password)
    return context


def _no_password() -> bytes:
    return b""  # else OpenSSL would ask the terminal
