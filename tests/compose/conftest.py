"""The compose file as Compose reads it, and the checks that it has to pass."""

import copy
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from obskit._assets import asset

# Needs a Docker engine, and takes the ports of the stack.
collect_ignore = [] if os.environ.get("OBSKIT_TEST_DOCKER") == "1" else ["test_containers.py"]

Compose = dict[str, Any]

ROOT = Path(__file__).parent.parent.parent
STATE = {
    "prometheus": "/prometheus",
    "alertmanager": "/alertmanager",
    "loki": "/loki",
    "tempo": "/var/tempo",
    "grafana": "/var/lib/grafana",
    "alloy": "/var/lib/alloy/data",
    "nats": "/data",
    "pager": "/var/lib/obskit/data",
    "postgres": "/var/lib/postgresql/data",
    "users": "/var/lib/obskit/secrets",
}
"""Where each server keeps what must survive it."""

# Keys that docker-compose 1.29.2 knows; a newer one would make it refuse the whole file.
SERVICE_KEYS = {
    *("build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "init", "logging"),
    *(
        "mem_limit",
        "ports",
        "profiles",
        "read_only",
        "restart",
        "secrets",
        "security_opt",
        "stop_grace_period",
    ),
    *("tmpfs", "user", "volumes"),
}
NO_PROBE = {"tempo"}  # its image has nothing that could ask (grafana/tempo issue 6536)
ROOT_USER = {"nats"}  # its image has no other user that may write the volume
LIMIT_BYTES = 4 * 1024**3
GRAFANA_BYTES = 512 * 1024**2
_EXACT = re.compile(r"^([a-z0-9./-]+:v?\d+\.\d+\.\d+|postgres:\d+\.\d+)(-[a-z0-9]+)*$")
PROFILES = {
    "core": {"core"},
    "agents": {"agents", "core"},
    "samples": {"samples"},
    "load": {"load", "samples"},
}
"""Which profiles a profile needs to run beside it."""
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


def each(compose: Compose) -> Iterator[tuple[str, Compose]]:
    return iter(compose["services"].items())


def images_have_exact_tags(compose: Compose) -> Iterator[str]:
    for name, service in each(compose):
        image = service["image"]
        if image != "obskit-sample:local" and not _EXACT.match(image):
            yield f"{name}: {image}"


def ports_are_on_loopback(compose: Compose) -> Iterator[str]:
    for name, service in each(compose):
        for port in service.get("ports", []):
            if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port):
                yield f"{name}: {port}"


def health_checks_can_fail(compose: Compose) -> Iterator[str]:
    for name, service in each(compose):
        test = service.get("healthcheck", {}).get("test", [])
        if name in NO_PROBE:
            continue
        text = " ".join(test)
        if not test or test[0] != "CMD":
            yield f"{name}: no command"
        if "||" in text or "exit 0" in text or "localhost" in text:
            yield f"{name}: {text}"
        if test[:2] == ["CMD", "sh"] and name != "redis":
            yield f"{name}: a shell"
        if service.get("healthcheck", {}).get("disable"):
            yield f"{name}: disabled"


def starts_in_order_of_health(compose: Compose) -> Iterator[str]:
    services = compose["services"]
    for name, service in each(compose):
        order = service.get("depends_on", {})
        if isinstance(order, list):
            yield f"{name}: only an order, no health"
            continue
        for other, wanted in order.items():
            expected = "service_started" if other in NO_PROBE else "service_healthy"
            if other not in services or wanted.get("condition") != expected:
                yield f"{name}: {other}"


def profiles_are_whole(compose: Compose) -> Iterator[str]:
    services = compose["services"]
    for name, service in each(compose):
        profiles = service.get("profiles", [])
        if len(profiles) != 1 or profiles[0] not in PROFILES:
            yield f"{name}: {profiles}"
            continue
        for other in service.get("depends_on", {}):
            if not PROFILES[profiles[0]] & set(services.get(other, {}).get("profiles", [])):
                yield f"{name}: {other} may not be there"


def memory_is_limited(compose: Compose) -> Iterator[str]:
    total = 0
    for name, service in each(compose):
        limit = str(service.get("mem_limit", "0k"))
        size = int(limit[:-1]) * _UNITS[limit[-1]]
        total += size
        if not size or (name == "grafana" and size < GRAFANA_BYTES):
            yield f"{name}: {limit}"
    if total >= LIMIT_BYTES:
        yield f"together: {total}"


def restarts_and_rotates_logs(compose: Compose) -> Iterator[str]:
    for name, service in each(compose):
        options = service.get("logging", {}).get("options", {})
        if service.get("restart") != "unless-stopped" or not {"max-size", "max-file"} <= options.keys():
            yield name


def state_is_on_named_volumes(compose: Compose) -> Iterator[str]:
    used = set()
    for name, service in each(compose):
        mounts = {volume.split(":")[1]: volume.split(":")[0] for volume in service.get("volumes", [])}
        used |= {source for source in mounts.values() if not source.startswith(".")}
        if name in STATE and mounts.get(STATE[name]) not in compose["volumes"]:
            yield f"{name}: {STATE[name]}"
    if used != set(compose["volumes"]):
        yield f"volumes: {sorted(used ^ set(compose['volumes']))}"


def containers_are_hardened(compose: Compose) -> Iterator[str]:
    wanted = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    for name, service in each(compose):
        for key, value in wanted.items():
            if service.get(key) != value:
                yield f"{name}: {key}"
        if str(service.get("user", "")).split(":")[0] in {"0", "root"}:
            yield f"{name}: root"
        if any("docker.sock" in volume or volume.startswith("/") for volume in service.get("volumes", [])):
            yield f"{name}: a path of the host"


def mounts_exist_and_are_read_only(compose: Compose) -> Iterator[str]:
    for name, service in each(compose):
        for volume in service.get("volumes", []):
            source, _, *mode = volume.split(":")
            if source.startswith(".") and not (mode == ["ro"] and (ROOT / "compose" / source).exists()):
                yield f"{name}: {volume}"


def secrets_are_files(compose: Compose) -> Iterator[str]:
    for name, service in each(compose):
        for variable, value in service.get("environment", {}).items():
            if _SECRET.search(variable) and not str(value).startswith("/run/secrets/"):
                yield f"{name}: {variable}"
        for secret in service.get("secrets", []):
            if (secret if isinstance(secret, str) else secret["source"]) not in compose["secrets"]:
                yield f"{name}: {secret}"
    for name, secret in compose["secrets"].items():
        if not secret.get("file", "").endswith(f"/{name}"):
            yield f"{name}: no file"


def old_compose_knows_every_key(compose: Compose) -> Iterator[str]:
    for key in compose:
        if key not in {"services", "secrets", "volumes"} and not key.startswith("x-"):
            yield key
    for name, service in each(compose):
        for key in sorted(service.keys() - SERVICE_KEYS):
            yield f"{name}: {key}"


CHECKS = {
    check.__name__: check
    for check in (
        images_have_exact_tags,
        ports_are_on_loopback,
        health_checks_can_fail,
        starts_in_order_of_health,
        profiles_are_whole,
        memory_is_limited,
        restarts_and_rotates_logs,
        state_is_on_named_volumes,
        containers_are_hardened,
        mounts_exist_and_are_read_only,
        secrets_are_files,
        old_compose_knows_every_key,
    )
}


def variables_of(path: Path) -> dict[str, str]:
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def interpolated(text: str, variables: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name in variables:
            return variables[name]
        assert default is not None, f"${{{name}}} is not in versions.env and has no default"
        return default

    pattern = r"(?<!\$)\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}"
    return re.sub(pattern, value, text).replace("$$", "$")


@pytest.fixture(scope="session")
def folder():
    return asset("compose")


@pytest.fixture(scope="session")
def python_services(parsed):
    """The services of our own image, by name."""
    services = parsed["services"]
    return {name: one for name, one in services.items() if one["image"] == "obskit-sample:local"}


@pytest.fixture(scope="session")
def versions(folder):
    return variables_of(folder / "versions.env")


@pytest.fixture(scope="session")
def parsed(folder, versions):
    return yaml.safe_load(interpolated((folder / "compose.yaml").read_text(), versions))


@pytest.fixture
def compose(parsed):
    """A copy of the resolved compose file that a test may break."""
    return copy.deepcopy(parsed)


@pytest.fixture
def problems(compose):
    """Run one check of the compose file by its name."""
    return lambda name: list(CHECKS[name](compose))


@pytest.fixture(scope="session")
def checks():
    return set(CHECKS)


@pytest.fixture(scope="session")
def configs(folder):
    """The YAML files of the components, by path below compose/."""
    return lambda path: yaml.safe_load((folder / path).read_text())
