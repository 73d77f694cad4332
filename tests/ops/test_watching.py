"""Prometheus, Grafana, Loki and Alloy in the compose stack use the addresses of the others."""

import re
from fnmatch import fnmatch
from typing import Any

import yaml

from tests.support.stack import DEPLOY, PLAIN, fraudstream_arguments, merged, mounts

SERVICES = merged(*PLAIN)["services"]


def metrics_port(service: dict[str, Any]) -> int:
    arguments = fraudstream_arguments(service) or []
    return int(arguments[arguments.index("--metrics") + 1].rpartition(":")[2])


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def test_prometheus_differs_from_the_usual_configuration_in_its_targets_only() -> None:
    here, usual = read("compose/prometheus.yml"), read("prometheus/prometheus.yml")
    assert here["global"] == usual["global"]
    assert here["rule_files"] == usual["rule_files"]
    jobs = [{job["job_name"] for job in each["scrape_configs"]} for each in (here, usual)]
    assert jobs[0] <= jobs[1]


def test_prometheus_scrapes_every_detector_and_the_quality_monitor() -> None:
    found = {}
    for job in read("compose/prometheus.yml")["scrape_configs"]:
        (lookup,) = job["dns_sd_configs"]
        found[job["job_name"]] = (lookup["names"], lookup["port"])
    detectors = [name for name in SERVICES if name.startswith("detector")]
    assert len(detectors) == 3
    for name in detectors:
        aliases = SERVICES[name]["networks"]["default"]["aliases"]
        assert found["detector"] == (aliases, metrics_port(SERVICES[name]))
    assert found["quality"] == (["quality"], metrics_port(SERVICES["quality"]))


def test_health_checks_use_the_metrics_port() -> None:
    for name in ("detector", "detector-replica", "detector-gpu", "quality"):
        test = " ".join(SERVICES[name]["healthcheck"]["test"])
        assert f"/dev/tcp/127.0.0.1/{metrics_port(SERVICES[name])};" in test
        assert "GET /readyz HTTP/1.0\\r\\n\\r\\n" in test


def test_grafana_opens_the_fraud_operations_dashboard_without_a_login() -> None:
    grafana = SERVICES["grafana"]
    environment = grafana["environment"]
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    inside = {target: source for source, target in mounts(grafana)}
    folder, _, file = home.rpartition("/")
    assert (
        yaml.safe_load((DEPLOY / inside[folder] / file).read_text())["title"] == "Fraud operations"
    )
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_grafana_gets_the_addresses_of_its_data_sources() -> None:
    environment = SERVICES["grafana"]["environment"]
    ports = {"prometheus": 9090, "loki": read("loki/loki.yml")["server"]["http_listen_port"]}
    for file in (DEPLOY / "grafana" / "provisioning" / "datasources").glob("*.yml"):
        (source,) = yaml.safe_load(file.read_text())["datasources"]
        variable = re.fullmatch(r"\$\{(\w+)\}", source["url"])
        assert variable
        assert environment[variable[1]] == f"http://{source['type']}:{ports[source['type']]}"
        assert source["uid"] == source["type"]


def test_alloy_reads_the_file_that_the_alerts_service_writes() -> None:
    alloy = (DEPLOY / "alloy" / "config.alloy").read_text()
    pattern = re.search(r'"__path__" = "([^"]+)"', alloy)
    assert pattern
    assert '"job" = "alerts"' in alloy
    written = SERVICES["alerts"]["command"][0].rpartition("> ")[2]
    assert fnmatch(written, pattern[1])
    arguments = fraudstream_arguments(SERVICES["alerts"])
    assert arguments == ["alerts", "--json", "--from-beginning"]
    shared = [
        source
        for name in ("alerts", "alloy")
        for source, target in mounts(SERVICES[name])
        if target == "/alerts"
    ]
    assert shared == ["alerts", "alerts"]
    assert (
        SERVICES["alloy"]["environment"]["LOKI_URL"]
        == SERVICES["grafana"]["environment"]["LOKI_URL"]
    )
