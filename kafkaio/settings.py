"""Settings of Kafka clients: any librdkafka property passes through, secrets are never shown.

Later sources win: a file of `name = value` lines, then environment variables such as
`FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL` for `security.protocol`, then `name=value` flags.
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
"""Where librdkafka's own remarks go instead of straight to stderr."""

DEFAULT_BROKER = "localhost:9092"

_SECRET_WORDS = ("password", "secret", "key.pem", "certificate.pem", "token", "oauthbearer.config")
_BROKERS = "bootstrap.servers"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach Kafka, for every client alike.

    Attributes:
        broker: where to begin, "HOST:PORT" or several with commas.
        properties: further librdkafka properties by name; may hold secrets, so not in the repr.
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
            defaults: our choices where the user made none.
            required: our choices that delivery rests on; the user cannot change them.

        Raises:
            SettingsError: if a property of the user contradicts a required one.
        """
        required = required or {}
        for name in required.keys() & self.properties.keys():
            raise SettingsError(
                f"The Kafka property {name} cannot be set: what is promised about delivery "
                f"rests on it. Remove it from your settings."
            )
        ours = {**(defaults or {}), **self.properties, **required, _BROKERS: self.broker}
        return {**ours, "logger": logging.getLogger(LIBRDKAFKA_LOGGER)}

    def shown(self) -> dict[str, str]:
        """Return what may be printed: secrets replaced by "[hidden]"."""
        properties = {
            name: "[hidden]" if _is_secret(name) else value
            for name, value in sorted(self.properties.items())
        }
        return {_BROKERS: self.broker, **properties}


def load_settings(
    broker: str | None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    assignments: Iterable[str] = (),
) -> KafkaSettings:
    """Gather the settings from their sources.

    Args:
        broker: wins over any `bootstrap.servers` from elsewhere when not None.
        file: `name = value` lines, `#` comments, as librdkafka's own tools read them.
        environment: variables, of which those with `ENVIRONMENT_PREFIX` count.
        assignments: `name=value` texts from the command line.

    Raises:
        SettingsError: if the file cannot be read or a line or text is no assignment.
    """
    properties: dict[str, str] = {}
    if file is not None:
        properties |= _read_file(file)
    for name, value in (environment or {}).items():
        if name.startswith(ENVIRONMENT_PREFIX):
            property_name = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("_", ".")
            properties[property_name] = value
    for assignment in assignments:
        name, value = _split(assignment, "--kafka takes NAME=VALUE, for example linger.ms=5")
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
    """Split at the first "="; the complaint never repeats the text, which may hold a secret."""
    name, equals, value = assignment.partition("=")
    if not equals or not name.strip():
        raise SettingsError(f"{complaint}.")
    return name.strip(), value.strip()


def _is_secret(name: str) -> bool:
    return any(word in name for word in _SECRET_WORDS)
