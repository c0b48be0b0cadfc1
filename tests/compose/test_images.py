"""The image of the samples, its secrets, and health checks that fail when they should."""

import http.server
import os
import re
import shutil
import stat
import subprocess
import sys
import threading

import pytest
import uvicorn

from obskit._assets import asset

APPS = ("gateway", "gateway-2", "users", "orders", "inventory", "payments", "notifications", "provider")
HTTP_SERVICES = ("pager", "console", "loadgen", *APPS)


@pytest.fixture
def dockerfile(folder):
    return (folder / "sample.Dockerfile").read_text()


@pytest.fixture
def answering(free_port):
    """Give the port of a server that answers every request with one status."""
    servers = []

    def start(status):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                """Stay quiet."""

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return server.server_port

    yield lambda status: start(status) if status else free_port()
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def run_check(test, port, answering_port):
    """Run a health check as the container would, against another port."""
    program, *arguments = test[1:]
    found = sys.executable if program == "python" else shutil.which(program)
    moved = [part.replace(str(port), str(answering_port)) for part in arguments]
    return subprocess.run([found, *moved], capture_output=True, check=False, timeout=20).returncode


@pytest.mark.parametrize("name", ["pager", "provider", "traefik", "alloy"])
@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (None, False)])
def test_a_health_check_fails_when_its_server_is_unready_or_gone(parsed, answering, name, status, healthy):
    test = parsed["services"][name]["healthcheck"]["test"]
    port = re.search(r"127\.0\.0\.1[:/](\d+)", " ".join(test))[1]
    assert (run_check(test, port, answering(status)) == 0) is healthy


def test_every_health_check_fails_where_nothing_listens(parsed, free_port):
    """All but Loki's, whose program is in its image only."""
    for name in parsed["services"].keys() - {"loki", "tempo"}:
        test = parsed["services"][name]["healthcheck"]["test"]
        asked = re.search(r"(?:127\.0\.0\.1[:/]|', |-p |--port=)(\d+)", " ".join(test))
        assert run_check(test, asked[1], free_port()) != 0, name


def test_the_check_of_a_service_asks_the_port_that_it_listens_on(parsed):
    for name in HTTP_SERVICES:
        (port,) = [
            part.removeprefix("--port=") for part in parsed["services"][name]["command"] if "--port=" in part
        ]
        assert f"http://127.0.0.1:{port}/" in parsed["services"][name]["healthcheck"]["test"][-1]


def test_images_without_a_client_are_asked_with_what_they_have(parsed):
    tests = {name: one.get("healthcheck", {}).get("test") for name, one in parsed["services"].items()}
    assert tests["loki"] == ["CMD", "/usr/bin/loki", "-health"]
    assert tests["tempo"] is None
    for name, address in (
        ("prometheus", "9090/-/ready"),
        ("alertmanager", "9093/-/ready"),
        ("grafana", "3000/api/health"),
        ("nats", "8222/healthz"),
        ("blackbox", "9115/-/healthy"),
        ("node-exporter", "9100/"),
        ("traefik", "8090/ping"),
    ):
        assert tests[name] == ["CMD", "wget", "-q", "--spider", f"http://127.0.0.1:{address}"]


def test_one_image_for_all_python_services_from_a_pinned_base(python_services, versions, dockerfile):
    assert set(python_services) == {*HTTP_SERVICES, "smtp"}
    for one in python_services.values():
        assert one["build"] == {
            "context": "..",
            "dockerfile": "compose/sample.Dockerfile",
            "args": {"PYTHON_IMAGE": versions["PYTHON_IMAGE"]},
        }
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", versions["PYTHON_IMAGE"])
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]


def test_the_image_runs_as_a_number_and_owns_its_folders(dockerfile, python_services):
    assert dockerfile.strip().splitlines()[-1] == "USER 10001:10001"
    assert "rm -f /bin/bash /bin/rbash /bin/dash /bin/sh" in dockerfile
    assert "-perm /6000 -delete" in dockerfile
    made = re.search(r"install -d -o 10001 -g 10001 (.*)", dockerfile)[1].split()
    for one in python_services.values():
        for volume in one["volumes"]:
            assert volume.split(":")[1] in made


def test_everything_that_the_image_copies_exists_and_reaches_the_build(dockerfile, folder):
    root = folder.parent
    ignored = (folder / "sample.Dockerfile.dockerignore").read_text().split()
    for line in re.findall(r"^COPY (?!--from)(.*)", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (root / source).exists(), source
            assert f"!{source}" in ignored
    assert "**/secrets" in ignored


@pytest.mark.parametrize("name", APPS)
def test_a_service_starts_the_module_that_exists(parsed, name):
    (target,) = [part for part in parsed["services"][name]["command"] if part.endswith(":create_app")]
    path = target.removesuffix(":create_app").replace(".", "/").removeprefix("sample_services/")
    assert "def create_app(" in (asset("sample_services") / f"{path}.py").read_text()


def test_services_set_what_uvicorn_reads_from_its_environment(parsed):
    """``UVICORN_X`` is the option --x: a name that uvicorn does not know would be silently ignored."""
    options = {f"UVICORN_{option.name.upper()}" for option in uvicorn.main.params}
    names = {name for name in parsed["services"]["orders"]["environment"] if name.startswith("UVICORN_")}
    assert names
    assert names <= options


@pytest.mark.parametrize("name", ["pager", "console", "loadgen", "smtp"])
def test_a_program_knows_the_options_that_it_is_started_with(parsed, name):
    _, _, module, *options = parsed["services"][name]["command"]
    known = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True
    )
    for option in options:
        assert re.search(rf"{option.split('=')[0]}\b", known.stdout), f"{module} has no {option}"


def test_the_pager_finds_its_secrets_where_it_looks(parsed):
    pager = parsed["services"]["pager"]
    assert "--home=/var/lib/obskit" in pager["command"]
    assert {one["target"]: one["source"] for one in pager["secrets"]} == {
        "/var/lib/obskit/secrets/routing_key": "pagerduty_routing_key",
        "/var/lib/obskit/secrets/admin_token": "admin_token",
    }


@pytest.fixture
def secrets(folder, tmp_path):
    """Run init.sh with an empty folder; return the folder and how to run it again."""
    target = tmp_path / "secrets"

    def run():
        environment = {"PATH": os.environ["PATH"], "SECRETS_DIR": str(target)}
        return subprocess.run(
            ["sh", folder / "init.sh"], env=environment, capture_output=True, text=True, check=True
        ).stdout

    run()
    return target, run


def test_init_makes_every_secret_that_compose_mounts(secrets, parsed):
    target, _ = secrets
    assert sorted(path.name for path in target.iterdir()) == sorted(parsed["secrets"])


def test_secrets_are_random_and_the_routing_key_has_pagerdutys_length(secrets):
    target, _ = secrets
    texts = {path.name: path.read_text() for path in target.iterdir()}
    assert texts.pop("redis_include") == f"requirepass {texts['redis_password']}\n"
    assert all(re.fullmatch(r"[0-9a-f]{32,64}", text) for text in texts.values())
    assert len(set(texts.values())) == len(texts)
    assert len(texts["pagerduty_routing_key"]) == 32


def test_the_folder_is_closed_and_the_files_in_it_are_readable_by_the_servers(secrets):
    target, _ = secrets
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.iterdir()} == {0o444}


def test_init_keeps_what_is_there_and_shows_no_secret(secrets):
    target, run = secrets
    before = {path.name: path.read_text() for path in target.iterdir()}
    said = run()
    assert {path.name: path.read_text() for path in target.iterdir()} == before
    assert not [text for text in before.values() if text in said]


def test_secrets_are_kept_out_of_git_by_default(folder, parsed):
    for name, secret in parsed["secrets"].items():
        assert secret["file"] == f"../.obskit/compose/secrets/{name}"
    assert ".obskit/" in (folder.parent / ".gitignore").read_text().split()
