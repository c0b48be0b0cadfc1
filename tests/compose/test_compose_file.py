import re
import shutil
import subprocess

import pytest

from obskit.stack import PORTS


def service(compose, name):
    return compose["services"][name]


BREAKS = [
    ("images_have_exact_tags", lambda c: service(c, "tempo").update(image="grafana/tempo:latest")),
    ("images_have_exact_tags", lambda c: service(c, "loki").update(image="grafana/loki")),
    ("images_have_exact_tags", lambda c: service(c, "nats").update(image="nats:2-alpine")),
    ("ports_are_on_loopback", lambda c: service(c, "grafana").update(ports=["3000:3000"])),
    ("ports_are_on_loopback", lambda c: service(c, "loki").update(ports=["0.0.0.0:3100:3100"])),
    ("health_checks_can_fail", lambda c: service(c, "grafana").pop("healthcheck")),
    (
        "health_checks_can_fail",
        lambda c: service(c, "grafana")["healthcheck"].update(test=["CMD-SHELL", "wget -q x || true"]),
    ),
    ("health_checks_can_fail", lambda c: service(c, "nats")["healthcheck"].update(disable=True)),
    ("starts_in_order_of_health", lambda c: service(c, "gateway").update(depends_on=["orders"])),
    (
        "starts_in_order_of_health",
        lambda c: service(c, "gateway")["depends_on"]["orders"].update(condition="service_started"),
    ),
    (
        "starts_in_order_of_health",
        lambda c: service(c, "grafana")["depends_on"]["tempo"].update(condition="service_healthy"),
    ),
    ("memory_is_limited", lambda c: service(c, "loki").pop("mem_limit")),
    ("memory_is_limited", lambda c: service(c, "grafana").update(mem_limit="175m")),
    ("memory_is_limited", lambda c: service(c, "prometheus").update(mem_limit="2g")),
    ("profiles_are_whole", lambda c: service(c, "nats").pop("profiles")),
    ("profiles_are_whole", lambda c: service(c, "loki").update(profiles=["samples"])),
    (
        "health_checks_can_fail",
        lambda c: service(c, "traefik")["healthcheck"].update(test=["CMD", "sh", "-c", "x"]),
    ),
    ("restarts_and_rotates_logs", lambda c: service(c, "loki").pop("restart")),
    ("restarts_and_rotates_logs", lambda c: service(c, "loki").pop("logging")),
    ("state_is_on_named_volumes", lambda c: service(c, "tempo")["volumes"].pop()),
    ("state_is_on_named_volumes", lambda c: c["volumes"].update(unused=None)),
    ("containers_are_hardened", lambda c: service(c, "grafana").pop("read_only")),
    ("containers_are_hardened", lambda c: service(c, "grafana").update(cap_drop=[])),
    ("containers_are_hardened", lambda c: service(c, "alloy").update(user="0:0")),
    (
        "containers_are_hardened",
        lambda c: service(c, "alloy")["volumes"].append("/var/run/docker.sock:/var/run/docker.sock:ro"),
    ),
    ("mounts_exist_and_are_read_only", lambda c: service(c, "loki")["volumes"].append("./nothing:/x:ro")),
    ("mounts_exist_and_are_read_only", lambda c: service(c, "loki")["volumes"].append("./loki:/etc/loki")),
    (
        "secrets_are_files",
        lambda c: service(c, "grafana").update(environment={"GF_SECURITY_ADMIN_PASSWORD": "admin"}),
    ),
    ("secrets_are_files", lambda c: service(c, "gateway").update(secrets=["nothing"])),
    ("secrets_are_files", lambda c: c["secrets"].update(other={"environment": "OTHER"})),
    ("old_compose_knows_every_key", lambda c: c.update(name="obskit")),
    ("old_compose_knows_every_key", lambda c: service(c, "loki").update(privileged=True)),
    ("old_compose_knows_every_key", lambda c: service(c, "loki").update(container_name="loki")),
    ("old_compose_knows_every_key", lambda c: service(c, "loki").update(network_mode="host")),
    ("old_compose_knows_every_key", lambda c: service(c, "loki").update(deploy={})),
]


@pytest.mark.parametrize("name", sorted({name for name, _ in BREAKS}))
def test_the_shipped_file_passes(problems, name):
    assert problems(name) == []


@pytest.mark.parametrize(
    ("name", "break_it"), BREAKS, ids=[f"{n}-{name}" for n, (name, _) in enumerate(BREAKS)]
)
def test_a_check_finds_the_file_that_breaks_it(compose, problems, name, break_it):
    break_it(compose)
    assert problems(name)


def test_every_check_has_a_file_that_breaks_it(checks):
    assert {name for name, _ in BREAKS} == checks


def test_every_version_is_used_and_none_is_typed_into_the_file(folder, versions):
    text = (folder / "compose.yaml").read_text()
    for name in versions.keys() - {"COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"}:
        assert f"${{{name}:?" in text, name
    assert [
        line for line in text.splitlines() if line.strip().startswith("image: ") and "${" not in line
    ] == []


def test_the_bind_address_is_one_variable(folder):
    published = [
        line for line in (folder / "compose.yaml").read_text().splitlines() if ":-127.0.0.1}" in line
    ]
    assert published
    assert all('"${BIND:-127.0.0.1}:' in line for line in published)


def test_load_is_a_choice_and_everything_else_is_not(parsed, versions):
    profiles = {name: one["profiles"][0] for name, one in parsed["services"].items()}
    assert set(profiles.values()) == {"core", "agents", "samples", "load"}
    assert [name for name, profile in profiles.items() if profile == "load"] == ["loadgen"]
    assert set(versions["COMPOSE_PROFILES"].split(",")) == {"core", "agents", "samples"}


def test_every_service_of_the_stack_is_there(parsed):
    wanted = (
        "prometheus alertmanager loki tempo grafana alloy nats postgres redis traefik pager console blackbox"
        " node-exporter gateway gateway-2 users orders inventory payments notifications provider smtp loadgen"
    )
    assert set(parsed["services"]) == set(wanted.split())


def test_old_compose_resolves_the_file(folder):
    """The real docker-compose reads it where it is installed; make test installs it."""
    program = shutil.which("docker-compose")
    assert program is not None, "make test installs it; or run tests/install.py"
    command = [program, "--env-file", "versions.env", "config", "--services"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "gateway-2" in done.stdout.split()


def test_prometheus_takes_exemplars_and_the_service_graph_and_cannot_be_stopped_from_outside(parsed):
    flags = parsed["services"]["prometheus"]["command"]
    assert "--enable-feature=exemplar-storage" in flags
    assert "--web.enable-remote-write-receiver" in flags
    assert not [flag for flag in flags if "lifecycle" in flag or "admin-api" in flag]


def test_stores_that_are_limited_by_flags_have_the_flags(parsed):
    prometheus = " ".join(parsed["services"]["prometheus"]["command"])
    assert "--storage.tsdb.retention.time=7d" in prometheus
    assert "--storage.tsdb.retention.size=2GB" in prometheus
    assert "--data.retention=120h" in parsed["services"]["alertmanager"]["command"]


def test_every_container_runs_one_program_and_no_shell(parsed):
    for name, one in parsed["services"].items():
        command = one.get("command", [])
        assert isinstance(command, list), name
        assert not {"sh", "bash", "/bin/sh", "sleep"} & set(command), name
        assert "entrypoint" not in one, name


def test_ports_are_those_of_the_stack_without_containers(parsed):
    published = {
        name: sorted(int(port.split(":")[1]) for port in one.get("ports", []))
        for name, one in parsed["services"].items()
    }
    assert {name: ports for name, ports in published.items() if ports} == {
        "prometheus": [9090],
        "alertmanager": [9093],
        "loki": [3100],
        "tempo": [3200, 4318],
        "grafana": [3000],
        "pager": [8601],
        "console": [8600],
        "traefik": [8080, 8443],
        "users": [8101],
        "orders": [8102],
        "inventory": [8103],
        "payments": [8104],
        "notifications": [8105],
    }
    native = {port.default for port in PORTS} | {3000}
    assert {port for ports in published.values() for port in ports} <= native


def test_services_find_each_other_by_name(parsed):
    environment = parsed["services"]["orders"]["environment"]
    assert environment["INVENTORY_URL"] == "http://inventory:8103"
    assert environment["NATS_URL"] == "nats://nats:4222"
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://tempo:4318"
    assert environment["DATABASE_URL"] == "postgresql+asyncpg://orders@postgres:5432/orders"
    assert environment["DATABASE_PASSWORD_FILE"] == "/run/secrets/database_password"
    assert environment["OBSKIT_FAULTS_TOKEN_FILE"] == "/run/secrets/admin_token"
    assert environment["OBSKIT_DRAIN_S"] == "2"


@pytest.mark.parametrize(
    ("name", "address"), [("gateway", "http://gateway:8081"), ("smtp", "smtp://smtp:8025")]
)
def test_addresses_that_a_service_is_told_are_where_the_other_listens(parsed, name, address):
    scheme, host, port = address.replace("//", "").split(":")
    del scheme
    assert f"--port={port}" in parsed["services"][host]["command"]


def test_every_address_in_an_environment_names_a_service(parsed):
    for name, one in parsed["services"].items():
        for variable, value in one.get("environment", {}).items():
            found = re.match(r"[a-z+]+://(?:[\w-]+@)?([\w-]+)(?::(\d+))?", str(value))
            if found:
                assert found[1] in parsed["services"], f"{name}: {variable}={value}"


def test_replicas_do_not_write_into_one_log_file(parsed):
    """Process ids are the same in every container, and log files are named after them."""
    first, second = (parsed["services"][name]["environment"] for name in ("gateway", "gateway-2"))
    assert "OBSKIT_LOG_DIR" not in first
    assert second["OBSKIT_LOG_DIR"].startswith("/var/log/obskit/")
    assert {k: v for k, v in second.items() if k != "OBSKIT_LOG_DIR"} == first


def test_only_the_way_in_is_published_for_the_gateways(parsed):
    """They believe what stands in X-Forwarded-For, so nobody but Traefik may come there."""
    for name in ("gateway", "gateway-2"):
        assert "ports" not in parsed["services"][name]
        assert "--forwarded-allow-ips=*" in parsed["services"][name]["command"]
