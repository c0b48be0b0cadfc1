"""Writes the folder of a new service from the templates beside this file."""

import keyword
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from obskit.errors import ConfigError, StackError
from obskit.stack import service_name

__all__ = ["module_of", "write_service"]

_TEMPLATE = Path(__file__).with_name("template")
_SUFFIX = ".tmpl"
_HIDDEN = {"gitignore", "dockerignore"}
_PACKAGE = "package"
_TAKEN = {
    "tests",
    "vendor",
    "obskit",
    "fastapi",
    "nats",
    "uvicorn",
    "pytest",
    "httpx",
    "pydantic",
    "starlette",
}


def write_service(name: str, folder: Path, port: int) -> list[Path]:
    """Write the service *name* into *folder*, which is made, and return its files.

    Raises:
        ConfigError: the name cannot be one of a service and a Python package.
        StackError: the folder holds something already, or cannot be written.
    """
    module = module_of(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder} is there already and is not empty."
        raise StackError(msg, fix=f"obskit new service {name} --to FOLDER, with one that is not there")
    words = {"name": name, "module": module, "STREAM": module.upper(), "port": str(port)}
    try:
        return sorted(_write(folder, words))
    except OSError as error:
        msg = f"{folder} cannot be written: {error.strerror}."
        raise StackError(msg, fix=f"obskit new service {name} --to FOLDER, with one that you own") from error


def module_of(name: str) -> str:
    """Return the Python package of the service *name*.

    Raises:
        ConfigError: the name cannot be one of a service and a Python package.
    """
    try:
        module = service_name(name).replace("-", "_")
    except ValueError as error:
        msg = f"The name {name!r} is not accepted; use {error}."
        raise ConfigError(msg) from error
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or module in _TAKEN:
        msg = f"The name {name!r} is not accepted: Python has a module {module!r} already; use another name."
        raise ConfigError(msg)
    return module


def _write(folder: Path, words: Mapping[str, str]) -> Iterator[Path]:
    for source in sorted(_TEMPLATE.rglob(f"*{_SUFFIX}")):
        path = folder / _place(source.relative_to(_TEMPLATE), words["module"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(source.read_text(encoding="utf-8"), words), encoding="utf-8")
        yield path


def _place(template: Path, module: str) -> Path:
    plain = template.with_suffix("")
    name = f".{plain.name}" if plain.name in _HIDDEN else plain.name
    top = module if plain.parts[0] == _PACKAGE else plain.parts[0]
    return Path(name) if len(plain.parts) == 1 else Path(top, *plain.parts[1:-1], name)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
