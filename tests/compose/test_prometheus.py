import re
import shutil
import subprocess

import pytest
import yaml

from obskit._assets import asset
from obskit.rules import rule_paths


@pytest.fixture
def prometheus(configs):
    return configs("prometheus/prometheus.yml")


def static(prometheus):
    """Return the fixed targets that are scraped, with their job and labels."""
    return {
        target: (job["job_name"], group.get("labels", {}))
        for job in prometheus["scrape_configs"]
        if job.get("metrics_path") != "/probe"
        for group in job.get("static_configs", [])
        for target in group["targets"]
    }


def named(prometheus, *, probed):
    """Return the targets that are found by name, and their ports."""
    return {
        name: str(found["port"])
        for job in prometheus["scrape_configs"]
        if (job.get("metrics_path") == "/probe") is probed
        for found in job.get("dns_sd_configs", [])
        for name in found["names"]
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


def test_a_fixed_target_runs_in_every_choice_of_profiles_and_others_are_found_by_name(prometheus, parsed):
    for target in static(prometheus):
        host = target.split(":")[0]
        if host != "127.0.0.1":  # Prometheus itself
            assert parsed["services"][host]["profiles"] == ["core"], target
    for name in {**named(prometheus, probed=False), **named(prometheus, probed=True)}:
        assert parsed["services"][name]["profiles"] != ["core"], name


def test_everything_that_has_a_page_is_scraped(prometheus, parsed):
    scraped = {target.split(":")[0] for target in static(prometheus)} | named(prometheus, probed=False).keys()
    # The page of none of these is Prometheus's; they are probed, or somebody else's.
    assert parsed["services"].keys() - scraped == {
        "prometheus",
        "nats",
        "postgres",
        "redis",
        "provider",
        "smtp",
    }


def test_what_has_no_page_is_probed(prometheus, parsed):
    probed = named(prometheus, probed=True)
    assert {"nats", "postgres", "redis", "smtp", "traefik"} == probed.keys()
    assert probed["traefik"] == "8443"
    assert f"--port={probed['smtp']}" in parsed["services"]["smtp"]["command"]


def test_every_target_has_the_name_of_its_service_and_pages_keep_theirs(prometheus):
    for job in prometheus["scrape_configs"]:
        assert job.get("honor_labels", job.get("metrics_path") == "/probe")
    for target, (_, labels) in static(prometheus).items():
        host = target.split(":")[0]
        assert labels == {"service_name": "prometheus" if host == "127.0.0.1" else host}


@pytest.mark.parametrize("job", ["samples", "agents"])
def test_a_target_that_is_found_by_name_gets_it_and_a_replica_that_of_its_service(prometheus, job):
    (found,) = [one for one in prometheus["scrape_configs"] if one["job_name"] == job]
    (rule,) = found["relabel_configs"]
    assert rule["source_labels"] == ["__meta_dns_name"]
    names = {name for one in found["dns_sd_configs"] for name in one["names"]}
    services = {re.fullmatch(rule["regex"], name)[1] for name in names}
    assert services == {name for name in names if name != "gateway-2"}


def test_a_probe_has_no_service_name_for_its_up_would_hide_that_the_service_is_down(prometheus):
    probes = [job for job in prometheus["scrape_configs"] if job.get("metrics_path") == "/probe"]
    assert len(probes) == 3
    for job in probes:
        assert "service_name" not in str(job)
        assert {"target_label": "__address__", "replacement": "blackbox:9115"} in job["relabel_configs"]


def test_probes_use_modules_that_the_prober_has(prometheus, configs):
    modules = configs("blackbox/blackbox.yml")["modules"]
    used = {
        module for job in prometheus["scrape_configs"] for module in job.get("params", {}).get("module", [])
    }
    assert used == modules.keys()


def test_the_prober_accepts_its_file(folder):
    program = shutil.which("prometheus-blackbox-exporter") or shutil.which("blackbox_exporter")
    assert program is not None, "make test installs it; or run tests/install.py"
    path = folder / "blackbox" / "blackbox.yml"
    done = subprocess.run(
        [program, f"--config.file={path}", "--config.check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_targets_have_the_ports_that_their_servers_listen_on(prometheus, parsed, configs):
    ports = dict(target.split(":") for target in static(prometheus)) | named(prometheus, probed=False)
    for name, port in ports.items():
        options = [
            one for one in parsed["services"].get(name, {}).get("command", []) if one.startswith("--port=")
        ]
        assert options in ([], [f"--port={port}"]), name
    assert int(ports["loki"]) == configs("loki/loki.yaml")["server"]["http_listen_port"]
    assert int(ports["tempo"]) == configs("tempo/tempo.yaml")["server"]["http_listen_port"]
    assert f"--server.http.listen-addr=0.0.0.0:{ports['alloy']}" in parsed["services"]["alloy"]["command"]
    assert configs("traefik/traefik.yaml")["entryPoints"]["traefik"]["address"] == f":{ports['traefik']}"


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
