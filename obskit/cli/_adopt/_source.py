"""Finds in a Python file what obskit can observe, and writes the call around it."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["APPLICATIONS", "Found", "Source", "read"]

APPLICATIONS = {
    "fastapi.FastAPI": "fastapi",
    "fastapi.applications.FastAPI": "fastapi",
    "starlette.applications.Starlette": "fastapi",
    "flask.Flask": "",
    "flask.app.Flask": "",
}
"""Classes of applications, and the extra of obskit that observes them, where one is needed."""
_OTHERS = {
    "httpx.AsyncClient": "httpx",
    "httpx.Client": "httpx",
    "sqlalchemy.create_engine": "db",
    "sqlalchemy.ext.asyncio.create_async_engine": "db",
    "nats.connect": "nats",
}
_ALL = {**APPLICATIONS, **_OTHERS}
_DOUBLES = (
    "prometheus_fastapi_instrumentator",
    "starlette_exporter",
    "opentelemetry.instrumentation.fastapi",
    "prometheus_flask_exporter",
    "opentelemetry.instrumentation.flask",
)
"""What observes each request too."""


@dataclass(frozen=True, slots=True)
class Found:
    """A call that makes something to observe: *kind* is its full name; lines and columns as in the file."""

    kind: str
    extra: str
    node: ast.expr
    statement: ast.stmt
    is_observed: bool
    target: str
    """What it is assigned to, or empty."""
    function: str
    """The function at the top of the module that it is in, or empty."""

    @property
    def is_application(self) -> bool:
        """Whether it is the application, and not something that this uses."""
        return self.kind in APPLICATIONS


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module
    found: tuple[Found, ...]
    has_init: bool
    doubles: tuple[str, ...]

    def changed(self, init: str) -> str:
        """Return the text with everything observed, and *init* before the application, where it is not empty.

        Raises:
            ValueError: a statement shares its line with another.
        """
        lines = self.text.splitlines(keepends=True)
        missing = [one for one in self.found if not one.is_observed]
        if not missing and not init:
            return self.text
        for one in sorted(missing, key=_end, reverse=True):
            _wrap(lines, one.node)
        first = next((one for one in self.found if one.is_application), None) if init else None
        if first is not None:
            _put_before(lines, first.statement, init)
        if not self._imports_obskit():
            lines.insert(self._import_line() - 1, f"import obskit{_newline(lines)}")
        text = "".join(lines)
        ast.parse(text)
        return text

    def _imports_obskit(self) -> bool:
        imports = (node for node in self.tree.body if isinstance(node, ast.Import))
        return any(alias.name == "obskit" and not alias.asname for node in imports for alias in node.names)

    def _import_line(self) -> int:
        """Return the line of the first import of what is observed: there its kin are, below the standard library."""
        packages = {one.kind.partition(".")[0] for one in self.found}
        imports = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        for number, node in enumerate(imports):
            if packages.isdisjoint(_packages(node)):
                continue
            # Sorted as most sort them: "import" in the order of the alphabet, then "from".
            later = (each for each in imports[number:] if _comes_after(each))
            return next(later, imports[-1]).lineno
        return self.found[0].statement.lineno


def read(path: Path) -> Source | None:
    """Return the file when it holds something to observe, or obskit's own calls; None for any other.

    A file that is no Python of this version is None too.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError):
        return None
    names = _imported(tree)
    calls = {_full(node.func, names) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = tuple(_found(tree, names))
    doubles = tuple(
        sorted({name for name in _DOUBLES if any(full.startswith(name) for full in names.values())})
    )
    source = Source(path, text, tree, found, "obskit.init" in calls, doubles)
    return source if found or source.has_init else None


def _packages(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return {name.partition(".")[0] for name in names}


def _comes_after(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) or node.names[0].name > "obskit"


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return the full name of each name that an import brings."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _full(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_full(node.value, names)}.{node.attr}"
    return ""


def _found(tree: ast.Module, names: dict[str, str]) -> Iterator[Found]:
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    observed = {
        ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and _full(node.func, names) == "obskit.instrument"
    }
    for node in ast.walk(tree):
        kind = _full(node.func, names) if isinstance(node, ast.Call) else ""
        extra = _ALL.get(kind)
        if extra is None or not isinstance(node, ast.Call):
            continue
        awaited = parents[node]
        outer: ast.expr = awaited if isinstance(awaited, ast.Await) else node
        above = _above(outer, parents)
        statement = next(each for each in above if isinstance(each, ast.stmt))
        target = _target(statement, outer)
        inside = isinstance(above[0], ast.Call) and _full(above[0].func, names) == "obskit.instrument"
        functions = [each.name for each in above if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        is_observed = inside or bool(target and target in observed)
        yield Found(kind, extra, outer, statement, is_observed, target, functions[-1] if functions else "")


def _above(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> list[ast.AST]:
    above = []
    while node in parents:
        node = parents[node]
        above.append(node)
    return above


def _target(statement: ast.stmt, value: ast.expr) -> str:
    if isinstance(statement, ast.Assign) and statement.value is value and len(statement.targets) == 1:
        return ast.unparse(statement.targets[0])
    if isinstance(statement, ast.AnnAssign) and statement.value is value:
        return ast.unparse(statement.target)
    return ""


def _end(one: Found) -> tuple[int, int]:
    return one.node.end_lineno or 0, one.node.end_col_offset or 0


def _wrap(lines: list[str], node: ast.expr) -> None:
    last = (node.end_lineno or node.lineno) - 1
    lines[last] = _inserted(lines[last], node.end_col_offset or 0, ")")
    lines[node.lineno - 1] = _inserted(lines[node.lineno - 1], node.col_offset, "obskit.instrument(")


def _inserted(line: str, at: int, text: str) -> str:
    raw = line.encode()  # columns of the syntax tree are bytes
    return (raw[:at] + text.encode() + raw[at:]).decode()


def _put_before(lines: list[str], statement: ast.stmt, text: str) -> None:
    line = lines[statement.lineno - 1]
    indent = line[: len(line) - len(line.lstrip())]
    if len(indent.encode()) != statement.col_offset:
        msg = f"line {statement.lineno} holds more than one statement"
        raise ValueError(msg)
    lines.insert(statement.lineno - 1, f"{indent}{text}{_newline(lines)}")


def _newline(lines: Sequence[str]) -> str:
    return "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
