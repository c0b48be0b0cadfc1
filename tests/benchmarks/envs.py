"""Builds the environments of the peers under build/bench-envs; a finished one is used again."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "bench-envs"
BELOW = ("fastapi", "starlette", "uvicorn", "pydantic", "anyio", "uvloop", "httptools")
"""What every environment has in the very version of our own."""
_SDK = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
_CONTRIB = (*_SDK, "opentelemetry-instrumentation-fastapi")

ENVS: dict[str, tuple[str, ...]] = {
    "bare": (),
    "contrib": _CONTRIB,
    "native": _SDK,
    "instrumentator": ("prometheus-fastapi-instrumentator",),
    "starlette-exporter": ("starlette-exporter",),
    "hand-wired": (*_CONTRIB, "prometheus-fastapi-instrumentator", "asgi-correlation-id", "structlog"),
    "loggers": ("structlog", "loguru", "python-json-logger"),
    "service": ("--editable", str(ROOT)),  # as a service has it: the stack's tools are not there
    "fastapi-vitals": ("fastapi-vitals", "opentelemetry-sdk"),
    "logfire": ("logfire[fastapi]",),
    "lite-bootstrap": ("lite-bootstrap[fastapi-all]", "opentelemetry-exporter-otlp-proto-http"),
}
_NAMED = {name.partition("[")[0] for names in ENVS.values() for name in names} | {
    "fastapi",
    "starlette",
    "uvicorn",
}


def python(env: str) -> Path:
    """Return the interpreter of *env*; ``obskit`` is the one that runs this."""
    return Path(sys.executable) if env == "obskit" else FOLDER / env / "bin" / "python"


def build(names: set[str]) -> None:
    """Make the environments *names* where they are missing or their list has changed."""
    for name in sorted(names - {"obskit"}):
        wanted = [*(f"{each}=={version(each)}" for each in BELOW), *_pinned(ENVS[name])]
        stamp = FOLDER / name / "bench.json"
        if stamp.exists() and json.loads(stamp.read_text()) == wanted:
            continue
        print(f"building the environment of {name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", FOLDER / name], check=True)
        command = [sys.executable, "-m", "pip", "--python", python(name), "install", "--quiet"]
        subprocess.run([*command, "--disable-pip-version-check", *wanted], check=True)
        stamp.write_text(json.dumps(wanted))


def _pinned(names: tuple[str, ...]) -> list[str]:
    # The SDK of our own environment for all, so that a newer one flatters nobody.
    return [f"{name}=={version(name)}" if name == "opentelemetry-sdk" else name for name in names]


def versions(env: str) -> dict[str, str]:
    """Return the versions in *env* of what the comparison names."""
    command = [sys.executable, "-m", "pip", "--python", python(env), "list", "--format", "json"]
    listed = subprocess.run(
        [*command, "--disable-pip-version-check"], capture_output=True, text=True, check=True
    )
    found = {each["name"].lower().replace("_", "-"): each["version"] for each in json.loads(listed.stdout)}
    return {name: found[name] for name in sorted(_NAMED & found.keys())}
