"""Explains why a connection to Kafka fails, by librdkafka's error and a TLS handshake of our own.

librdkafka reports the same error for an expired certificate, an unknown authority and another
host's certificate, and reports only "all brokers down" to a client without TLS. So where a
connection fails, one more is opened here, and the outcome of its handshake names the cause. Nothing
else is sent through it. While connections succeed, nothing of this happens.
"""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaError

from kafkaio.error_codes import AUTHENTICATION_FAILED, TLS_FAILED
from kafkaio.settings import KafkaSettings

SECONDS = 3.0
"""How long the handshake may take; it takes milliseconds."""

PATIENCE = 2.5
"""Seconds after which a broker whose TLS works is not slow, but rejects the client."""

_ANOTHER_HOST = {62, 64}  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_UNTRUSTED = {2, 18, 19, 20, 21}  # the chain does not end in a trusted authority


def explain_failure(
    settings: KafkaSettings, error: KafkaError | None, *, tried: float
) -> str | None:
    """Return a sentence that says what is wrong and what to do; None where that is not known.

    Args:
        settings: how to reach Kafka.
        error: librdkafka's error, if it reported one.
        tried: seconds since the first attempt to connect.
    """
    reported = None if error is None else error.str().partition(" (after ")[0]
    if error is not None and error.code() == AUTHENTICATION_FAILED:
        user = settings.properties.get("sasl.username", "")
        return (
            f"Kafka at {settings.broker} rejects user {user!r}: {reported}; check sasl.username, "
            "sasl.password and sasl.mechanism."
        )
    for address in settings.broker.split(","):
        if sentence := _probe_tls(settings, address.strip().rpartition("//")[2], tried):
            return sentence
    if error is not None and error.code() == TLS_FAILED:
        return f"TLS with Kafka at {settings.broker} fails: {reported}; check the ssl.* properties."
    return None


def _probe_tls(settings: KafkaSettings, address: str, tried: float) -> str | None:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    protocol = settings.properties.get("security.protocol", "plaintext").lower()
    try:
        context = _context(settings.properties, protocol)
        with (
            socket.create_connection((host, int(port)), SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return _explain_protocol(protocol, address, tried)
    except ssl.SSLCertVerificationError as error:
        return _explain_certificate(error, host, address)
    except (OSError, ValueError):  # away, or without TLS, as a broker that is just starting
        return None


def _explain_protocol(protocol: str, address: str, tried: float) -> str | None:
    """Return what is wrong although the handshake succeeds; None where that is not known."""
    if not protocol.endswith("ssl"):
        wanted = "SASL_SSL" if protocol.startswith("sasl") else "SSL (SASL_SSL with passwords)"
        return f"Kafka at {address} accepts TLS only; set security.protocol={wanted}."
    if protocol == "ssl" and tried >= PATIENCE:
        return (
            f"TLS with Kafka at {address} works, but it requires authentication; set "
            "security.protocol=SASL_SSL if it uses passwords, or a client certificate that "
            "it trusts (ssl.certificate.location, ssl.key.location)."
        )
    return None


def _context(properties: Mapping[str, str], protocol: str) -> ssl.SSLContext:
    """Return a context that trusts what the properties trust; anybody if they do not use TLS."""
    if not protocol.endswith("ssl"):
        return ssl._create_unverified_context()  # noqa: S323, SLF001 - nothing is sent
    location = properties.get("ssl.ca.location", "probe")
    file, folder = (None, location) if Path(location).is_dir() else (location, None)
    is_given = location != "probe"
    context = ssl.create_default_context(
        cafile=file if is_given else None,
        capath=folder if is_given else None,
        cadata=properties.get("ssl.ca.pem"),
    )
    context.check_hostname = properties.get("ssl.endpoint.identification.algorithm") != "none"
    if properties.get("enable.ssl.certificate.verification") == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _explain_certificate(error: ssl.SSLCertVerificationError, host: str, address: str) -> str:
    certificate = f"The certificate of Kafka at {address}"
    if error.verify_code == _EXPIRED:
        return f"{certificate} has expired; renew it there (or correct this machine's clock)."
    if error.verify_code in _ANOTHER_HOST:
        return (
            f"{certificate} is not for {host}; address Kafka by a name that its certificate has, "
            f"or add {host} to the certificate."
        )
    if error.verify_code in _UNTRUSTED:
        return (
            f"{certificate} is not from an authority that is trusted here; name the authority's "
            "certificate with ssl.ca.location=FILE."
        )
    return f"{certificate} is not valid: {error.verify_message}."
