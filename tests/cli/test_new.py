"""A service made by ``obskit new service``: what is written, that it works, and that the stack takes it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import httpx
import kubernetes_validate
import pytest
import yaml

from obskit import stack
from obskit.cli._new import write_service
from obskit.errors import ConfigError, StackError

OBSKIT = (sys.executable, "-c", "from obskit.cli.main import run; run()")
KUBERNETES = "1.31"


def typed(*command, cwd, **env):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OBSKIT_"))}
    return subprocess.run(
        command, cwd=cwd, env={**kept, **env}, capture_output=True, text=True, timeout=240, check=False
    )


def take_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The folder of a new service with a name of two words, as the command writes it."""
    folder = tmp_path_factory.mktemp("new")
    done = typed(*OBSKIT, "new", "service", "my-shop", "--port", str(take_port()), "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert all((folder / file).is_file() for file in json.loads(done.stdout)["files"])
    return folder / "my-shop"


def test_its_tests_pass(shop):
    done = typed(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=shop)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "warning" not in done.stdout


def test_its_code_is_clean(shop):
    for arguments in (["check", "."], ["format", "--check", "."]):
        done = typed(str(Path(sys.executable).with_name("ruff")), *arguments, "--no-cache", cwd=shop)
        assert done.returncode == 0, done.stdout


def test_nothing_of_the_template_is_left_in_it(shop):
    for path in shop.rglob("*"):
        if path.is_file() and path.suffix not in {".whl", ".pyc"}:
            assert re.findall(r"@[A-Za-z]+@", path.read_text()) == [], path


def test_its_manifests_are_those_that_their_programs_take(shop):
    for one in yaml.safe_load_all((shop / "kubernetes.yaml").read_text()):
        if one["kind"] != "ServiceMonitor":  # no kind of Kubernetes itself
            kubernetes_validate.validate(one, KUBERNETES, strict=True)
    program = shutil.which("docker-compose")
    assert program, "make programs"
    done = typed(program, "config", "--quiet", cwd=shop)
    assert done.returncode == 0, done.stderr


def test_its_image_runs_as_nobody_in_particular_with_the_wheel_beside_it(shop):
    text = (shop / "Dockerfile").read_text()

    assert "\nUSER 10001:10001\n" in text
    assert "--find-links vendor" in text
    (wheel,) = (shop / "vendor").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "obskit/cli/_new/template/package/app.py.tmpl" in names
    assert "obskit/_bundled/alerts/README.md" in names


def test_an_installed_obskit_bundles_itself(shop, tmp_path):
    (wheel,) = (shop / "vendor").glob("*.whl")
    site, again = tmp_path / "site", tmp_path / "again"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target")
    assert typed(*pip, str(site), str(wheel), cwd=tmp_path).returncode == 0

    code = f"from obskit.cli import _new; from pathlib import Path; print(_new.bundle(Path({str(again)!r})))"
    done = typed(sys.executable, "-P", "-c", code, cwd=tmp_path, PYTHONPATH=str(site))

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(again / wheel.name)
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(again / wheel.name) as after:
        contents = [{name: each.read(name) for name in each.namelist()} for each in (before, after)]
    record = next(name for name in contents[0] if name.endswith("/RECORD"))
    lines = [sorted(content.pop(record).split()) for content in contents]
    assert contents[0] == contents[1]
    assert lines[0] == lines[1]


def test_the_stack_starts_it_and_prometheus_scrapes_it(shop, tmp_path, wait_for):
    """The real processes that this needs, and no more: test_newcomer has the whole stack."""
    home, ports = stack.Home.at(tmp_path / "home"), {port.name: take_port() for port in stack.PORTS}
    url = f"http://127.0.0.1:{ports['prometheus']}/api/v1"

    def plan():
        whole = stack.native_plan(home, ports=ports, time_scale=60, project=stack.find_project(shop))
        wanted = {"keeper", "nats", "prometheus", "my-shop"}
        specs = (spec for spec in whole.processes if spec.name in wanted)
        return replace(whole, processes=tuple(replace(spec, at_first_after=()) for spec in specs))

    try:
        stack.up(home, plan, timeout_s=180)

        def asked(query):
            answer = httpx.get(f"{url}/query", params={"query": query}, trust_env=False).json()
            return answer["data"]["result"]

        wait_for(lambda: asked('up{service_name="my-shop"} == 1'), "its target is up", within_s=60)
        groups = httpx.get(f"{url}/rules", trust_env=False).json()["data"]["groups"]
        alerts = [rule for group in groups for rule in group["rules"] if rule["type"] == "alerting"]
        mine = {rule["name"] for rule in alerts if 'service_name="my-shop"' in rule["query"]}
        assert mine == {"AvailabilityBudgetBurn", "LatencyBudgetBurn"}
        assert list(home.service_logs.glob("my-shop.*.jsonl"))
    finally:
        stack.down(home)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My Shop", "use small letters"),
        ("class", "Python has a module 'class' already"),
        ("json", "Python has a module 'json' already"),
        ("obskit", "Python has a module 'obskit' already"),
        ("../shop", "use small letters"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(tmp_path, name, says):
    with pytest.raises(ConfigError, match=says):
        write_service(name, tmp_path / "x", 8000)
    assert not (tmp_path / "x").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(StackError, match="is there already and is not empty") as caught:
        write_service("shop", tmp_path, 8000)
    assert caught.value.fix.startswith("obskit new service shop --to")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
