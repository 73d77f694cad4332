"""Certificate authorities for tests, created in a folder and trusted nowhere else."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path

    def pem(self) -> str:
        """Return both in one text, as in Kafka's keystores of type PEM."""
        return self.key.read_text() + self.certificate.read_text()


class Authority:
    """Signs certificates; clients that trust the file `certificate` trust them."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.certificate = folder / f"{name}.pem"
        builder = _begin(self._name, self._name, self._key.public_key(), -DAY, DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self.certificate.write_bytes(
            builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )

    def issue(
        self, name: str, *, host: str = "", passphrase: str = "", expired: bool = False
    ) -> Identity:
        """Return a new key and its certificate: for a host's name or address, or for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = -timedelta(hours=1) if expired else DAY
        builder = _begin(_name(name), self._name, key.public_key(), -DAY, end)
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(host)]), False)
        encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        identity = Identity(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        identity.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        identity.certificate.write_bytes(
            builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )
        return identity


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begin: timedelta,
    end: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now + begin,
        not_valid_after=now + end,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
