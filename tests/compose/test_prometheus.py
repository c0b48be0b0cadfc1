import subprocess

import pytest
import yaml

from obskit._assets import asset
from obskit.rules import rule_paths


@pytest.fixture
def prometheus(configs):
    return configs("prometheus/prometheus.yml")


def targets(prometheus):
    return {
        target: (job["job_name"], group.get("labels", {}))
        for job in prometheus["scrape_configs"]
        for group in job.get("static_configs", [])
        for target in group["targets"]
    }


def test_promtool_accepts_the_file_with_the_shipped_rules(folder):
    path = folder / "prometheus" / "prometheus.yml"
    done = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_refuses_a_key_that_it_does_not_know(folder, tmp_path):
    """The check above would not be worth much if it accepted anything."""
    config = yaml.safe_load((folder / "prometheus" / "prometheus.yml").read_text())
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump({**config, "otlp": {}, "rule_files": []}))
    done = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "otlp" in done.stderr


def test_every_rule_file_is_loaded_and_found_at_its_place_in_the_container(prometheus, parsed):
    assert sorted(prometheus["rule_files"]) == [f"../../alerts/{path.name}" for path in rule_paths()]
    assert "../alerts:/alerts:ro" in parsed["services"]["prometheus"]["volumes"]
    # /etc/prometheus/../../alerts is /alerts
    assert "--config.file=/etc/prometheus/prometheus.yml" in parsed["services"]["prometheus"]["command"]


def test_every_target_is_a_service_that_runs_without_a_profile(prometheus, parsed):
    for target in targets(prometheus):
        host = target.split(":")[0]
        if host != "127.0.0.1":  # Prometheus itself
            assert "profiles" not in parsed["services"][host], target


def test_the_load_generator_is_a_target_only_while_it_runs(prometheus, parsed):
    (found,) = [one for job in prometheus["scrape_configs"] for one in job.get("dns_sd_configs", [])]
    (name,) = found["names"]
    assert parsed["services"][name]["profiles"] == ["load"]
    assert f"--port={found['port']}" in parsed["services"][name]["command"]


def test_every_target_has_the_name_of_its_service_and_pages_keep_theirs(prometheus):
    assert all(job["honor_labels"] for job in prometheus["scrape_configs"])
    for target, (_, labels) in targets(prometheus).items():
        host = target.split(":")[0]
        assert labels == {"service_name": "prometheus" if host == "127.0.0.1" else host}


def test_targets_have_the_ports_that_their_servers_listen_on(prometheus, parsed, configs):
    ports = dict(target.split(":") for target in targets(prometheus))
    for name in ("gateway", "orders", "inventory", "pager"):
        assert f"--port={ports[name]}" in parsed["services"][name]["command"]
    assert int(ports["loki"]) == configs("loki/loki.yaml")["server"]["http_listen_port"]
    assert int(ports["tempo"]) == configs("tempo/tempo.yaml")["server"]["http_listen_port"]
    assert f"--server.http.listen-addr=0.0.0.0:{ports['alloy']}" in parsed["services"]["alloy"]["command"]


def test_the_watchers_are_watched(prometheus):
    assert {"alertmanager", "grafana", "loki", "tempo", "alloy"} <= {
        target.split(":")[0] for target in targets(prometheus)
    }


def test_alerts_go_to_alertmanager_and_its_pages_to_the_pager(prometheus, parsed):
    assert prometheus["alerting"]["alertmanagers"] == [
        {"static_configs": [{"targets": ["alertmanager:9093"]}]}
    ]
    routes = yaml.safe_load((asset("alerts") / "alertmanager.yml").read_text())
    by_name = {one["name"]: one for one in routes["receivers"]}
    (pager,) = by_name["pager"]["pagerduty_configs"]
    assert pager["url"] == "http://pager:8601/v2/enqueue"
    assert by_name["heartbeat"]["webhook_configs"][0]["url"] == "http://pager:8601/v1/heartbeat"
    assert "--port=8601" in parsed["services"]["pager"]["command"]
    assert pager["routing_key_file"] == "/run/secrets/pagerduty_routing_key"
    assert parsed["services"]["alertmanager"]["secrets"] == ["pagerduty_routing_key"]


def test_amtool_accepts_the_routes():
    path = asset("alerts") / "alertmanager.yml"
    done = subprocess.run(["amtool", "check-config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
