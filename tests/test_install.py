"""obskit as a user has it: a wheel in a virtual environment of its own, without any extra."""

import functools
import json
import os
import re
import socket
import subprocess
import sys
import venv
from contextlib import ExitStack
from pathlib import Path

import pytest

from obskit import stack

ROOT = Path(__file__).parent.parent
OPTIONAL = [
    "aiosqlite",
    "fastapi",
    "google",
    "httpx",
    "httptools",
    "jinja2",
    "lark",
    "loguru",
    "markdown_it",
    "nats",
    "psutil",
    "pydantic",
    "pytest",
    "rich",
    "sqlalchemy",
    "starlette",
    "typer",
    "uvicorn",
    "uvloop",
    "websockets",
    "yaml",
    "redis",
    "limits",
    "jwt",
    "apscheduler",
    "stamina",
    "nicegui",
]
LOOK = """
import sys
import obskit
print([name for name in {optional!r} if name in sys.modules])
log = obskit.init(service="bare", log_format="json") and obskit.get_logger()
with obskit.span("work"):
    log.info("work.done")
try:
    obskit.instrument(object())
except obskit.InstrumentError as error:
    print("refused")
obskit.shutdown()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        ROOT,
    ]
    subprocess.run(build, check=True)
    (made,) = folder.glob("*.whl")
    return made


def installed(folder, wheel, extras=""):
    """Return the Python of a virtual environment with *wheel* and what it needs, and nothing else."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}{extras}"]
    subprocess.run(command, check=True)
    return python


@pytest.fixture(scope="module")
def bare(tmp_path_factory, wheel):
    """obskit as a service has it."""
    return installed(tmp_path_factory.mktemp("bare"), wheel)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, wheel):
    """obskit as somebody has it who looks at the stack; its commands run in an empty folder."""
    folder = tmp_path_factory.mktemp("whole")
    command = installed(folder, wheel, "[stack,dashboards]").with_name("obskit")
    (folder / "empty").mkdir()
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in stack.PORTS]
        numbers = [probe.getsockname()[1] for probe in probes]
    ports = {stack.variable(one.name): str(number) for one, number in zip(stack.PORTS, numbers, strict=True)}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OBSKIT_", "PYTEST_"))}
    yield functools.partial(said_by, command, folder / "empty", env={**kept, **ports})
    said_by(command, folder / "empty", "down", "--wipe")


def said_by(python, folder, *arguments, env=None):
    result = subprocess.run(
        [python, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout, result.stderr


@pytest.mark.prove
def test_import_works_and_loads_nothing_optional(bare, tmp_path):
    code, out, err = said_by(bare, tmp_path, "-c", LOOK.format(optional=OPTIONAL))

    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "[]"
    assert '"event":"work.done"' in out
    assert "refused" in out


@pytest.mark.prove
def test_every_core_dependency_is_one_that_is_written_down(bare, tmp_path):
    _, out, _ = said_by(bare, tmp_path, "-m", "pip", "list", "--format=freeze")

    installed = {line.partition("==")[0].lower().replace("_", "-") for line in out.splitlines()}
    assert not installed & {name.replace("_", "-") for name in OPTIONAL}
    assert {
        "obskit-starter-kit",
        "opentelemetry-sdk",
        "orjson",
        "prometheus-client",
        "structlog",
    } <= installed


@pytest.mark.prove
def test_command_says_which_extra_it_needs(bare, tmp_path):
    code, _, err = said_by(bare.with_name("obskit"), tmp_path, "doctor")
    assert code == 1
    assert "pip install 'obskit-starter-kit[stack]'" in err


@pytest.mark.prove
def test_plugin_lies_beside_the_package(bare, tmp_path):
    code, out, _ = said_by(
        bare, tmp_path, "-c", "import importlib.util as u; print(u.find_spec('_obskit_pytestplugin').origin)"
    )

    assert code == 0
    assert out.strip().endswith("site-packages/_obskit_pytestplugin.py")


@pytest.mark.prove
def test_wheel_is_as_small_as_the_readme_says(wheel):
    said = re.search(r"Its wheel has less than (\d+) MB", (ROOT / "README.md").read_text())

    assert said
    assert wheel.stat().st_size < int(said[1]) * 1_000_000


@pytest.mark.prove
@pytest.mark.parametrize(
    "arguments",
    [
        ("dashboards", "list", "--json"),
        ("dashboards", "check"),
        ("alerts", "list", "--json"),
        ("alerts", "check"),
        ("fault", "list", "--json"),
        ("lab", "list"),
    ],
    ids=" ".join,
)
def test_command_works_outside_any_checkout(whole, arguments):
    code, out, err = whole(*arguments)

    assert (code, bool(out)) == (0, True), err


@pytest.mark.prove
def test_stack_with_the_samples_comes_up_outside_any_checkout(whole):
    code, _, err = whole("up", "--json")
    try:
        assert code == 0, err
        found = json.loads(whole("status", "--json")[1])
        assert found["ready"]
        assert {"gateway", "gateway-2", "orders", "traefik"} <= {row["name"] for row in found["processes"]}
    finally:
        assert whole("down", "--wipe")[0] == 0


@pytest.mark.prove
def test_demo_tells_its_story_outside_any_checkout(whole, tmp_path):
    code, _, err = whole("demo", "--rate", "5", "--exit", "--json", str(tmp_path / "out.json"))

    assert code == 0, err
    told = json.loads((tmp_path / "out.json").read_text())
    assert [bool(fault["incident_id"]) for fault in told["faults"]] == [True, True]
