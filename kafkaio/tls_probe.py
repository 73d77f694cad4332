"""Why Kafka does not let a client in: what librdkafka heard, and a TLS handshake of our own.

librdkafka says the same of a certificate that has expired, one of a foreign authority and one for
another host, and of a client without TLS only that all brokers are down. So where no connection
comes about, one more is opened here, nothing is sent through it but the handshake, and its end
tells. While all is well nothing of this happens.
"""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaError

from kafkaio.settings import KafkaSettings

SECONDS = 3.0
"""How long the handshake may take; it takes milliseconds."""

PATIENCE = 2.5
"""Seconds after which a Kafka with which TLS works is not slow to answer, but does not want us."""

_ANOTHER_HOST = {62, 64}  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_FOREIGN = {2, 18, 19, 20, 21}  # the chain does not end in an authority that is trusted


def explain_failure(
    settings: KafkaSettings, error: KafkaError | None, *, tried: float
) -> str | None:
    """Return one sentence with what is wrong and what to do; None where that is not known.

    Args:
        settings: how Kafka was to be reached.
        error: what librdkafka heard, if anything.
        tried: for how many seconds a connection was tried.
    """
    heard = None if error is None else error.str().partition(" (after ")[0]
    if error is not None and error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 - public
        user = settings.properties.get("sasl.username", "")
        return (
            f"Kafka at {settings.broker} refuses user {user!r}: {heard}; check sasl.username, "
            "sasl.password and sasl.mechanism."
        )
    for address in settings.broker.split(","):
        if sentence := _of_tls(settings, address.strip().rpartition("//")[2], tried):
            return sentence
    if error is not None and error.code() == KafkaError._SSL:  # noqa: SLF001 - public
        return f"TLS with Kafka at {settings.broker} fails: {heard}; check the ssl.* properties."
    return None


def _of_tls(settings: KafkaSettings, address: str, tried: float) -> str | None:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    protocol = settings.properties.get("security.protocol", "plaintext").lower()
    try:
        context = _context(settings.properties, protocol)
        with (
            socket.create_connection((host, int(port)), SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return _of_protocol(protocol, address, tried)
    except ssl.SSLCertVerificationError as error:
        return _of_certificate(error, host, address)
    except (OSError, ValueError):  # away, or not speaking TLS, as one that is just starting
        return None


def _of_protocol(protocol: str, address: str, tried: float) -> str | None:
    """Return what is wrong where TLS itself is right; None where it must be something else."""
    if not protocol.endswith("ssl"):
        wanted = "SASL_SSL" if protocol.startswith("sasl") else "SSL (SASL_SSL with passwords)"
        return f"Kafka at {address} speaks TLS only; set --kafka security.protocol={wanted}."
    if protocol == "ssl" and tried >= PATIENCE:
        return (
            f"TLS with Kafka at {address} is right, but it wants to know who we are; set "
            "security.protocol=SASL_SSL where it has passwords, or a client's certificate that "
            "it trusts (ssl.certificate.location, ssl.key.location)."
        )
    return None


def _context(properties: Mapping[str, str], protocol: str) -> ssl.SSLContext:
    """Return what trusts whom the properties trust; anybody where TLS is not ours to speak."""
    if not protocol.endswith("ssl"):
        return ssl._create_unverified_context()  # noqa: S323, SLF001 - nothing is sent
    place = properties.get("ssl.ca.location", "probe")
    file, folder = (None, place) if Path(place).is_dir() else (place, None)
    known = place != "probe"
    context = ssl.create_default_context(
        cafile=file if known else None,
        capath=folder if known else None,
        cadata=properties.get("ssl.ca.pem"),
    )
    context.check_hostname = properties.get("ssl.endpoint.identification.algorithm") != "none"
    if properties.get("enable.ssl.certificate.verification") == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _of_certificate(error: ssl.SSLCertVerificationError, host: str, address: str) -> str:
    its = f"The certificate of Kafka at {address}"
    if error.verify_code == _EXPIRED:
        return f"{its} has expired; have it renewed there (or set this machine's clock right)."
    if error.verify_code in _ANOTHER_HOST:
        return (
            f"{its} is not for {host}; name Kafka as its certificate does with --broker HOST:PORT, "
            f"or have {host} added to the certificate."
        )
    if error.verify_code in _FOREIGN:
        return (
            f"{its} is not from an authority that is trusted here; name the authority's "
            "certificate with --kafka ssl.ca.location=FILE."
        )
    return f"{its} is not valid: {error.verify_message}."
