"""With TLS and tokens, an outage of the login server and of Kafka is waited out."""

from kafkaio.settings import KafkaSettings
from tests.support.detector import DetectorThread, payloads, publish
from tests.support.security.duties import TOPICS, create
from tests.support.security.login_server import login_server
from tests.support.security.secured import Secured

LIFETIME = 10.0  # seconds of a token; librdkafka fetches the next one after four fifths of it


def test_a_detector_survives_an_outage_of_the_login_server_and_of_kafka(secured: Secured) -> None:
    create(secured.plaintext, secured.plaintext)
    with login_server(lifetime=LIFETIME) as login:
        settings = KafkaSettings(
            secured.address("OAUTH"),
            {
                "security.protocol": "SASL_SSL",
                "ssl.ca.location": str(secured.authority.certificate),
                **login.properties("fraudstream-detector"),
            },
        )
        running = DetectorThread(
            settings, TOPICS, group="fraudstream-detector", broker_timeout=120.0
        )
        try:
            publish(secured.plaintext, TOPICS, payloads([True]))
            running.wait_for(lambda: running.value("fraud_alerts_total") == 1)
            login.failing = True
            running.wait_for(lambda: login.failed > 0)
            # Without its connections the detector needs a token, which it cannot get.
            secured.broker.kill()
            secured.broker.restart()
            failed = login.failed
            running.wait_for(lambda: login.failed > failed)
            login.failing = False
            publish(secured.plaintext, TOPICS, payloads([True]))
            running.wait_for(lambda: running.value("fraud_alerts_total") == 2)
        finally:
            running.stop()
