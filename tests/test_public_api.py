"""The public surface: what is exported, and that it stays light."""

import subprocess
import sys

import obskit

OPTIONAL = (
    "apscheduler",
    "cashews",
    "cronsim",
    "fastapi",
    "httpx",
    "jwt",
    "loguru",
    "nats",
    "purgatory",
    "pybreaker",
    "sqlalchemy",
    "stamina",
    "starlette",
    "typer",
    "yaml",
)


def test_all_is_sorted_and_complete():
    assert sorted(obskit.__all__, key=str.lower) == sorted(set(obskit.__all__), key=str.lower)
    assert list(obskit.__all__) == sorted(obskit.__all__)
    assert all(hasattr(obskit, name) for name in obskit.__all__)


def test_public_callables_and_classes_have_a_docstring():
    for name in obskit.__all__:
        if not name.startswith("_"):
            assert (getattr(obskit, name).__doc__ or "").strip(), name


def test_importing_obskit_loads_no_optional_package():
    code = f"import obskit, sys; print([name for name in {OPTIONAL!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_importing_obskit_writes_nothing_and_configures_nothing():
    code = (
        "import logging, obskit; from opentelemetry import trace; "
        "print(logging.getLogger().handlers, type(trace.get_tracer_provider()).__name__)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[] ProxyTracerProvider"
    assert not result.stderr
