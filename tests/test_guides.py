"""The pages of obskit/docs name commands, settings, metrics, alerts and boards that exist; so do all others."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

import obskit
from obskit import catalog, stack
from obskit.cli._application import build
from obskit.config import SETTINGS

ROOT = Path(__file__).parent.parent
GUIDES = sorted((ROOT / "obskit" / "docs").glob("*.md"))
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)

PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not {".venv", ".obskit", "prove", "build"} & set(path.parts)
)

guides = pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page, language):
    return [code for found, code in BLOCK.findall(page.read_text()) if found == language]


def commands(page):
    """The lines that a reader types, those in running text too."""
    typed = [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line[:2] == "$ "]
    inline = re.findall(r"`(obskit [a-z][^`]*)`", BLOCK.sub("", page.read_text()))
    return [*typed, *(" ".join(line.split()) for line in inline)]


def check_obskit(words):
    """Follow *words* through the command line as it is built."""
    command = typer.main.get_command(build())
    rest = list(words)
    while rest and getattr(command, "commands", None):
        name = rest.pop(0)
        assert name in command.commands, f"{name!r} is no command of {command.name!r}"
        command = command.commands[name]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    given = {word.split("=")[0] for word in rest if word.startswith("--")}
    assert given <= known | {"--help"}, f"{given - known} of obskit {' '.join(words)}"


@pages
def test_commands_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in commands(page):
        program, *words = shlex.split(line.split("#")[0])
        if Path(program).name == "obskit":
            check_obskit(words)
        elif program == "make":
            assert set(words) <= targets, line
        elif page in GUIDES:
            assert Path(program).name in {"cd", "curl", "pip", "pytest", "python", "uvicorn"}, (
                f"{line}: run it by hand once, then name it here"
            )


@guides
def test_python_runs(page, captured):
    for code in blocks(page, "python"):
        obskit.shutdown()
        exec(compile(code, page.name, "exec"), {"__name__": "guide"})


@pages
def test_python_compiles_and_names_what_there_is(page):
    """Fragments, which need a broker or a database around them; whole examples are run by other tests."""
    for code in blocks(page, "python"):
        tree = compile(code, page.name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "obskit":
                assert hasattr(obskit, node.attr), f"obskit.{node.attr}"


@pages
def test_files_of_services_are_such_as_obskit_up_takes(page, tmp_path):
    for text in blocks(page, "toml"):
        if "services" in tomllib.loads(text):
            (tmp_path / "obskit.toml").write_text(text)
            assert stack.load_project(tmp_path / "obskit.toml").services


@guides
def test_settings_and_metrics_exist(page):
    text = page.read_text()
    settings = {variable for setting in SETTINGS for variable in setting.variables}
    samples = {"OBSKIT_FAULTS_TOKEN_FILE", "OBSKIT_HOME"}
    assert set(re.findall(r"\bOBSKIT_[A-Z_]+[A-Z]", text)) <= settings | samples
    assert set(re.findall(r"\bobskit_[a-z_]+_total\b", text)) <= set(catalog.METRICS)


@guides
def test_alerts_have_a_runbook(page):
    known = {path.stem for path in (ROOT / "alerts" / "runbooks").glob("*.md")}
    named = re.findall(
        r"^\| ((?:[A-Z][a-z]+){2,}(?:, (?:[A-Z][a-z]+){2,})*) \|", page.read_text(), re.MULTILINE
    )
    assert {alert for cell in named for alert in cell.split(", ")} <= known


@guides
def test_index_leads_to_every_page(page):
    assert (
        page.name == "README.md" or f"]({page.name})" in (ROOT / "obskit" / "docs" / "README.md").read_text()
    )
