"""Certificates for tests, made with the openssl command: an authority, and servers of every kind it can vouch for."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
[ca]
default_ca = authority
[authority]
dir = .
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True, slots=True)
class Authority:
    """A private certificate authority in a folder of its own.

    Attributes:
        certificate: its PEM file, for those who trust it.
    """

    folder: Path
    certificate: Path

    @classmethod
    def made_in(cls, folder: Path) -> Authority:
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        (folder / "ca.cnf").write_text(_CONFIG)
        authority = cls(folder, folder / "authority.pem")
        extensions = ["-addext", "keyUsage=critical,keyCertSign"]
        authority._openssl(
            "req", "-x509", *_KEY, "-subj", "/CN=authority", "-days", "2", *extensions,
            "-keyout", "authority.key", "-out", "authority.pem",
        )  # fmt: skip
        return authority

    def server(self, name: str, *, dates: tuple[str, str] = ("20200101000000Z", "20990101000000Z")) -> ssl.SSLContext:
        """A server's context with a certificate for ``name``, such as ``IP:127.0.0.1``, valid between the dates."""
        extensions = ["-addext", f"subjectAltName={name}"]
        self._openssl(
            "req", *_KEY, "-subj", "/CN=gateway", *extensions, "-keyout", "gateway.key", "-out", "gateway.csr"
        )
        self._openssl(
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-keyfile", "authority.key", "-cert", "authority.pem",
            "-startdate", dates[0], "-enddate", dates[1], "-in", "gateway.csr", "-out", "gateway.pem",
        )  # fmt: skip
        return self._context("gateway")

    def self_signed(self) -> ssl.SSLContext:
        """A server's context with a certificate that nobody vouches for."""
        extensions = ["-addext", "subjectAltName=IP:127.0.0.1"]
        self._openssl(
            "req",
            "-x509",
            *_KEY,
            "-subj",
            "/CN=own",
            "-days",
            "2",
            *extensions,
            "-keyout",
            "own.key",
            "-out",
            "own.pem",
        )
        return self._context("own")

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60)
