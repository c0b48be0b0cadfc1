"""The shape of the package: imports point down, no cycles, no long files, failures swallowed in few places."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "obskit"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "_bundled" not in path.parts)
OURS = [
    path
    for folder in ("obskit", "sample_services", "dashboards", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
]

LAYERS = (
    {"errors", "catalog", "_arguments", "_typing", "_version", "redaction"},
    {"_guard", "_ids", "_extras", "_code", "config", "_assets"},
    {"context", "_faults", "_mixin"},
    {"logging", "tracing", "metrics"},
    {"health"},
    {"asgi", "httpclient", "messaging", "db", "cache", "resilience", "jobs", "auth"},
    {"_setup"},
    {"_verbs"},
    {"obskit"},
    {"testing", "boards", "rules"},
    {"pager", "embedded"},
    {"console"},
    {"stack"},
    {"cli"},
)
LEVEL = {topic: level for level, topics in enumerate(LAYERS) for topic in topics}
BROAD = {"_guard.py", "_checks.py", "main.py"}


def topic_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "obskit" if parts == ("__init__",) else parts[0]


def imports_of(path: Path) -> set[str]:
    """The obskit modules that *path* loads when it is imported, by their dotted name without 'obskit.'."""
    found = set()
    tree = ast.parse(path.read_text())
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "obskit":
            for alias in node.names:
                is_module = (PACKAGE / alias.name).is_dir() or (PACKAGE / f"{alias.name}.py").is_file()
                found.add(alias.name if is_module else "obskit")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("obskit."):
            found.add((node.module or "").removeprefix("obskit."))
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.removeprefix("obskit.")
                for alias in node.names
                if alias.name.split(".")[0] == "obskit"
            }
    return found


@pytest.fixture(scope="module")
def imports():
    """What each module of the package imports of it."""
    return {path: imports_of(path) for path in SOURCES}


def test_imports_point_down(imports):
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {module}: not below it"
        for path, modules in imports.items()
        for module in modules
        if (topic := module.split(".")[0]) != topic_of(path) and LEVEL[topic] >= LEVEL[topic_of(path)]
    ]
    assert wrong == []


def test_topics_have_no_import_cycle(imports):
    graph = {}
    for path, modules in imports.items():
        graph.setdefault(topic_of(path), set()).update(
            module.split(".")[0] for module in modules if module.split(".")[0] != topic_of(path)
        )
    assert list(TopologicalSorter(graph).static_order())


def test_no_file_is_over_400_lines():
    assert [path for path in OURS if len(path.read_text().splitlines()) > 400] == []


def test_no_file_is_a_drawer():
    assert [path for path in OURS if path.stem in {"utils", "helpers", "common", "misc"}] == []


def is_broad(handler):
    names = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        if handler.type
        else {"Exception"}
    )
    return bool(names & {"Exception", "BaseException"})


def test_failures_are_swallowed_in_the_named_files_only():
    swallowing = [
        f"{path.relative_to(PACKAGE)}:{each.lineno}"
        for path in SOURCES
        if path.name not in BROAD
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.ExceptHandler) and is_broad(each) and not isinstance(each.body[-1], ast.Raise)
    ]
    assert swallowing == []
