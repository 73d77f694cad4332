"""Prometheus, Grafana, Loki and Alloy in the stack: they look where the others are."""

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


def test_prometheus_is_the_usual_one_but_for_whom_it_scrapes() -> None:
    here, usual = read("compose/prometheus.yml"), read("prometheus/prometheus.yml")
    assert here["global"] == usual["global"]
    assert here["rule_files"] == usual["rule_files"]
    jobs = [{job["job_name"] for job in each["scrape_configs"]} for each in (here, usual)]
    assert jobs[0] <= jobs[1]


def test_prometheus_finds_every_detector_and_the_quality_monitor() -> None:
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


def test_health_is_asked_where_it_is_answered() -> None:
    for name in ("detector", "detector-replica", "detector-gpu", "quality"):
        test = " ".join(SERVICES[name]["healthcheck"]["test"])
        assert f"/dev/tcp/127.0.0.1/{metrics_port(SERVICES[name])};" in test
        assert "GET /readyz HTTP/1.0\\r\\n\\r\\n" in test


def test_grafana_opens_on_the_fraud_operations_without_a_login() -> None:
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


def test_grafana_is_told_where_its_sources_are() -> None:
    environment = SERVICES["grafana"]["environment"]
    ports = {"prometheus": 9090, "loki": read("loki/loki.yml")["server"]["http_listen_port"]}
    for file in (DEPLOY / "grafana" / "provisioning" / "datasources").glob("*.yml"):
        (source,) = yaml.safe_load(file.read_text())["datasources"]
        variable = re.fullmatch(r"\$\{(\w+)\}", source["url"])
        assert variable
        assert environment[variable[1]] == f"http://{source['type']}:{ports[source['type']]}"
        assert source["uid"] == source["type"]


def test_alloy_reads_what_alerts_writes() -> None:
    alloy = (DEPLOY / "alloy" / "config.alloy").read_text()
    pattern = re.search(r'"__path__" = "([^"]+)"', alloy)
    assert pattern
    assert '"job" = "alerts"' in alloy
    written = SERVICES["alerts"]["command"][0].rpartition("> ")[2]
    assert fnmatch(written, pattern[1])
    arguments = fraudstream_arguments(SERVICES["alerts"])
    assert arguments == ["alerts", "--json", "--from-beginning"]
    shared = [
        dict(map(reversed, mounts(SERVICES[name])))["/alerts"] for name in ("alerts", "alloy")
    ]
    assert shared == ["alerts", "alerts"]
    assert (
        SERVICES["alloy"]["environment"]["LOKI_URL"]
        == SERVICES["grafana"]["environment"]["LOKI_URL"]
    )
