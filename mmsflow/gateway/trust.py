"""Whose certificates are trusted: the system's authorities, or the one that a setting names; nothing else decides."""

from __future__ import annotations

import ssl
from pathlib import Path

from mmsflow.errors import UsageError
from mmsflow.gateway.model import GatewayConfig
from mmsflow.gateway.wire import one_line

_SYSTEM_BUNDLES = (  # Debian and Alpine, Fedora, macOS and BSD; where this Python was built for another system
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def tls_context(config: GatewayConfig) -> ssl.SSLContext:
    """The context for a gateway, its token endpoint and its proxy; certificate and host name are always verified.

    Raises:
        UsageError: the authorities cannot be read.
    """
    return context_for(config.ca_file, config.base_url, config.token_url, config.proxy)


def context_for(ca_file: str, *addresses: str) -> ssl.SSLContext:
    """The same for any addresses; where none of them is https, a context that trusts nobody.

    Raises:
        UsageError: the authorities cannot be read.
    """
    # Made by hand: ssl.create_default_context obeys SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE of the environment.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not any(address.lower().startswith("https") for address in addresses):
        return context  # reading authorities takes tens of milliseconds; this context trusts nobody
    try:
        if ca_file:
            context.load_verify_locations(cafile=ca_file)
        else:
            _trust_the_system(context)
    except (OSError, ValueError) as error:
        named = ca_file or "of the system"
        raise UsageError(
            f"the certificate authority {named} cannot be read: {one_line(str(error))}",
            "give `ca_file` the path of a PEM file",
            cause="ca_file_unreadable",
        ) from None
    return context


def _trust_the_system(context: ssl.SSLContext) -> None:
    paths = ssl.get_default_verify_paths()
    folder = paths.openssl_capath if Path(paths.openssl_capath).is_dir() else None
    bundles = (paths.openssl_cafile, *_SYSTEM_BUNDLES)
    bundle = next((path for path in bundles if Path(path).is_file()), None)
    if folder is None and bundle is None:
        raise FileNotFoundError("this system has none in the usual places")
    context.load_verify_locations(cafile=bundle, capath=folder)
