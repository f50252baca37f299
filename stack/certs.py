"""`make certs`: an authority for development, and a certificate that it issues to each service.

A service's certificate names it twice: as a DNS name, by which clients know that they reached the right service, and as
`spiffe://adplatform/NAME`, by which servers know who calls. What is there and good for a while is left as it is.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import Field

from marketplace.runtime.access import SPIFFE_PREFIX
from marketplace.runtime.settings import Settings, fail, parse_settings

PROGRAM: Final = "certs"
SERVERS: Final = (
    "adserver",
    "feedback-handler",
    "ad-manager",
    "slot-manager",
    "feedback-writer",
    "reporting-service",
    "console",
)
CLIENTS: Final = ("simulator", "operator", "supervisor")
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_AUTHORITY_DAYS: Final = 3_650
_SKEW: Final = timedelta(minutes=5)


class CertsSettings(Settings):
    """Makes a development authority and one certificate for each service. Not for use between companies."""

    certs: Path = Path("var/certs")
    """Folder of the certificates and keys."""

    hosts: str = ""
    """Further names and IP addresses that servers are reached under, with commas between."""

    days: int = Field(365, ge=1, le=3_650)
    """How long a new certificate is good for."""

    renew: bool = False
    """Issue new certificates though those that are there are good; running processes take them up."""


def issue(folder: Path, hosts: Sequence[str] = (), days: int = 365, renew: bool = False) -> list[str]:
    """Makes what is missing, about to end or without one of the hosts; returns the names of the new certificates."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, authority_key = _authority(folder)
    issued = []
    for name in (*SERVERS, *CLIENTS):
        reached = (name, *_LOCAL, *hosts) if name in SERVERS else ()
        if renew or not _good(folder / f"{name}.pem", authority, reached, days):
            _issue_one(folder, name, reached, days, authority, authority_key)
            issued.append(name)
    return issued


def certificate_environment(folder: Path, name: str) -> dict[str, str]:
    """Returns the settings by which a process uses its certificate."""
    return {
        "TLS_CERT": str(folder / f"{name}.pem"),
        "TLS_KEY": str(folder / f"{name}-key.pem"),
        "TLS_CA": str(folder / "ca.pem"),
    }


def identity(environment: Mapping[str, str], name: str) -> dict[str, str]:
    """Returns the same where CERTS in an environment names the folder; nothing where it does not."""
    folder = environment.get("CERTS")
    return certificate_environment(Path(folder), name) if folder else {}


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_path, key_path = folder / "ca.pem", folder / "ca-key.pem"
    if certificate_path.exists():
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_path} is not a key of ours")
        return x509.load_pem_x509_certificate(certificate_path.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("adplatform development authority")
    usage = _usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        _builder(name, name, key, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _pem(key), 0o600)
    _write(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate, key


def _issue_one(
    folder: Path,
    name: str,
    hosts: Sequence[str],
    days: int,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [*map(_host, hosts), x509.UniformResourceIdentifier(SPIFFE_PREFIX + name)]
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
    certificate = (
        _builder(_name(name), authority.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write(folder / f"{name}-key.pem", _pem(key), 0o600)
    _write(folder / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _good(path: Path, authority: x509.Certificate, hosts: Sequence[str], days: int) -> bool:
    """Tells whether a certificate is the authority's, holds the hosts, and has a third of its life to go."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # missing, torn, or of another authority: all the same, it is issued anew
        return False
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    return set(map(_host, hosts)) <= set(names) and left > timedelta(days=days) / 3


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(**allowed: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in every})


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replaces a file whole: whoever reads it finds the old one or the new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    aside.replace(path)


def main() -> None:
    """Runs the program."""
    settings = parse_settings(CertsSettings, PROGRAM)
    hosts = [host.strip() for host in settings.hosts.split(",") if host.strip()]
    try:
        issued = issue(settings.certs, hosts, settings.days, settings.renew)
    except (OSError, ValueError) as problem:
        fail(PROGRAM, problem)
    sys.stdout.write(f"{settings.certs}: new {', '.join(issued)}\n" if issued else f"{settings.certs}: all good\n")


if __name__ == "__main__":
    main()
