"""obskit as a user has it: a wheel in a virtual environment of its own, without any extra."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

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
def bare(tmp_path_factory):
    """A virtual environment with the wheel of this tree and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
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
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    subprocess.run(command, check=True)
    return python


def said_by(python, folder, *arguments):
    result = subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True, check=False)
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
