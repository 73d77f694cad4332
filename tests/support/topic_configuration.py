"""Changes the configuration of a topic."""

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from kafkaio.settings import KafkaSettings
from tests.support.detector import PATIENCE


def configure_topic(settings: KafkaSettings, topic: str, name: str, value: str) -> None:
    """Set a property of a topic; return when it is in force."""
    admin = AdminClient(settings.client())
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([change]).values():
        future.result(PATIENCE)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    while admin.describe_configs([resource])[resource].result(PATIENCE)[name].value != value:
        pass
