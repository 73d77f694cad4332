"""Settings of Kafka clients: any librdkafka property passes through, secrets are never printed.

Later sources win: a file of `name = value` lines, then environment variables such as
`FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL` for `security.protocol`, then `name=value` assignments.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafkaio.errors import SettingsError

ENVIRONMENT_PREFIX = "FRAUDSTREAM_KAFKA_"
"""librdkafka's property a.b.c is the variable FRAUDSTREAM_KAFKA_A_B_C."""

LIBRDKAFKA_LOGGER = "librdkafka"
"""Receives librdkafka's own log lines, which go to stderr otherwise."""

DEFAULT_BROKER = "localhost:9092"

_BROKERS = "bootstrap.servers"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How every client reaches Kafka.

    Attributes:
        broker: the address of a broker, "HOST:PORT", or several separated by commas.
        properties: further librdkafka properties by name; not in the repr: they may hold secrets.
    """

    broker: str = DEFAULT_BROKER
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)

    def client(
        self,
        defaults: Mapping[str, object] | None = None,
        *,
        required: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Return a librdkafka configuration.

        Args:
            defaults: properties that the user may override.
            required: properties that delivery depends on; the user cannot override them.

        Raises:
            SettingsError: if the user sets a required property.
        """
        required = required or {}
        for name in required.keys() & self.properties.keys():
            raise SettingsError(
                f"The Kafka property {name} cannot be set, because the delivery guarantees "
                f"depend on it. Remove it from your settings."
            )
        ours = {**(defaults or {}), **self.properties, **required, _BROKERS: self.broker}
        return {**ours, "logger": logging.getLogger(LIBRDKAFKA_LOGGER)}


def load_settings(
    broker: str | None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    assignments: Iterable[str] = (),
) -> KafkaSettings:
    """Merge the settings from their sources.

    Args:
        broker: overrides `bootstrap.servers` of all other sources unless None.
        file: `name = value` lines, `#` comments, as librdkafka's own tools read them.
        environment: variables; those with `ENVIRONMENT_PREFIX` are properties.
        assignments: `name=value` texts, which override the other sources.

    Raises:
        SettingsError: if the file cannot be read, or an assignment is malformed.
    """
    properties: dict[str, str] = {}
    if file is not None:
        properties |= _read_file(file)
    for name, value in (environment or {}).items():
        if name.startswith(ENVIRONMENT_PREFIX):
            property_name = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("_", ".")
            properties[property_name] = value
    for assignment in assignments:
        name, value = _split(
            assignment, "A Kafka property is not of the form NAME=VALUE, for example linger.ms=5"
        )
        properties[name] = value
    given = properties.pop(_BROKERS, None)
    return KafkaSettings(broker or given or DEFAULT_BROKER, properties)


def _read_file(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"Cannot read the Kafka settings in {file}: {reason}.") from error
    properties: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            name, value = _split(text, f"{file}, line {number} is not of the form NAME=VALUE")
            properties[name] = value
    return properties


def _split(assignment: str, complaint: str) -> tuple[str, str]:
    """Split at the first "="; the complaint must not repeat the text, which may hold a secret."""
    name, equals, value = assignment.partition("=")
    if not equals or not name.strip():
        raise SettingsError(f"{complaint}.")
    return name.strip(), value.strip()
