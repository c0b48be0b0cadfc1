"""What is missing in an application, as changes of its files."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from obskit import stack
from obskit.cli._adopt._dependency import FILES, requirement, with_dependency
from obskit.cli._adopt._source import Found, Source, read
from obskit.errors import ConfigError, StackError

__all__ = ["Change", "Plan", "plan"]

_NOT_CODE = frozenset(
    {"tests", "test", "node_modules", "build", "dist", "site-packages", "vendor", "__pycache__"}
)
_MOST_FILES = 5_000
_TOML = """\
# What "obskit up" starts in this folder, watches and pages for.

[services.{name}]
command = "{command}"
port = {port}
owner = "{name}"
slos = [
    {{kind = "availability", objective = 99.9}},
    {{kind = "latency", objective = 99, threshold_s = 0.5}},
]
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One file, before and after; *before* is None where it is new."""

    path: Path
    before: str | None
    after: str

    def diff(self, root: Path) -> str:
        """Return the change as ``git apply`` and ``patch -p1`` take it."""
        name = self.path.relative_to(root).as_posix()
        origin = "/dev/null" if self.before is None else f"a/{name}"
        before = (self.before or "").splitlines(keepends=True)
        lines = difflib.unified_diff(before, self.after.splitlines(keepends=True), origin, f"b/{name}")
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of the project in *root*, and what a person has to look at."""

    root: Path
    service: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    def apply(self) -> None:
        """Write every file."""
        for change in self.changes:
            change.path.write_bytes(change.after.encode())


def plan(root: Path, *, service: str = "", port: int = 8000) -> Plan:
    """Return what the application in *root* lacks; reads files, runs nothing of it.

    Raises:
        ConfigError: the name of the service cannot be one.
        StackError: there is no application, or more than one.
    """
    sources = list(_sources(root))
    application, source = _application(root, sources)
    name = _name(root, service)
    extras = {one.extra for each in sources for one in each.found} - {""}
    notes: list[str] = []
    changes = [*_code(sources, source, name, notes), *_dependency(root, extras, notes)]
    toml = _toml(root, source, application, name, port)
    notes += [
        f"{each.path.relative_to(root)}: {double} observes each request too; take it out."
        for each in sources
        for double in each.doubles
    ]
    return Plan(root, name, tuple(changes + toml), tuple(notes))


def _sources(root: Path) -> Iterator[Source]:
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(each for each in folders if each not in _NOT_CODE and not each.startswith("."))
        for file in sorted(files):
            if not file.endswith(".py") or file.startswith("test_") or file == "conftest.py":
                continue
            count += 1
            if count > _MOST_FILES:
                msg = f"{root} holds more than {_MOST_FILES} Python files."
                raise StackError(msg, fix="obskit adopt FOLDER, with the folder of one service")
            if (found := read(Path(folder, file))) is not None:
                yield found


def _application(root: Path, sources: list[Source]) -> tuple[Found, Source]:
    all_found = [(one, each) for each in sources for one in each.found if one.is_application]
    if not all_found:
        msg = f"There is no FastAPI, Starlette or Flask application in {root}."
        fix = (
            "obskit adopt FOLDER, with the folder of a service; for others see Your own service in the README"
        )
        raise StackError(msg, fix=fix)
    if len(all_found) > 1:
        places = ", ".join(f"{each.path.relative_to(root)}:{one.node.lineno}" for one, each in all_found)
        msg = f"There are {len(all_found)} applications in {root}: {places}."
        raise StackError(msg, fix="obskit adopt FOLDER, with the folder of one of them")
    return all_found[0]


def _name(root: Path, given: str) -> str:
    if given:
        try:
            return stack.service_name(given)
        except ValueError as error:
            msg = f"--service {given!r} is not accepted; use {error}."
            raise ConfigError(msg) from error
    try:
        content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        named = content.get("project", {}).get("name") or content["tool"]["poetry"]["name"]
    except (OSError, ValueError, KeyError):
        named = root.absolute().name
    plain = re.sub(r"[^a-z0-9]+", "-", str(named).lower()).strip("-")
    return plain if plain[:1].isalpha() else f"service-{plain}".rstrip("-")


def _code(sources: list[Source], application: Source, name: str, notes: list[str]) -> Iterator[Change]:
    has_init = any(each.has_init for each in sources)
    for each in sources:
        init = f'obskit.init(service="{name}")' if each is application and not has_init else ""
        try:
            after = each.changed(init)
        except (ValueError, SyntaxError) as error:
            notes.append(f"{each.path.name} is left as it is: {error}.")
            continue
        if after != each.text:
            yield Change(each.path, each.text, after)


def _dependency(root: Path, extras: set[str], notes: list[str]) -> Iterator[Change]:
    for file in FILES:
        path = root / file
        if not path.is_file():
            continue
        before = path.read_bytes().decode()
        after = with_dependency(path, before, extras)
        if after is not None:
            if after != before:
                yield Change(path, before, after)
            return
    notes.append(f"No {' or '.join(FILES)} names dependencies; add {requirement(extras)}.")


def _toml(root: Path, source: Source, application: Found, name: str, port: int) -> list[Change]:
    if stack.find_project(root).services:
        return []
    command = (_flask if application.kind.startswith("flask.") else _uvicorn)(root, source, application)
    path, table = root / "obskit.toml", _TOML.format(name=name, command=command, port=port)
    before = path.read_bytes().decode() if path.exists() else None
    return [Change(path, before, table if before is None else f"{before.rstrip()}\n\n{table}")]


def _uvicorn(root: Path, source: Source, application: Found) -> str:
    module = source.path.relative_to(root).with_suffix("").parts
    folder = ""
    if module[0] == "src":
        folder, module = " --app-dir src", module[1:]
    names = module[:-1] if module[-1] == "__init__" else module
    factory = "--factory " if application.function else ""
    return f"uvicorn {factory}{'.'.join(names)}:{_target(application)}{folder} --port {{port}}"


def _flask(root: Path, source: Source, application: Found) -> str:
    file = source.path.relative_to(root).as_posix()  # Flask finds the package around it
    return f"flask --app {file}:{_target(application)} run --port {{port}}"


def _target(application: Found) -> str:
    return application.function or application.target or "app"
