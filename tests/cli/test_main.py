import re
import subprocess
import sys

import pytest
import typer

from obskit._version import __version__
from obskit.cli import main
from obskit.cli._application import build
from obskit.errors import MissingExtraError


@pytest.fixture
def type_in(capsys, monkeypatch):
    """Types a command that starts nothing, in this process; gives exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "200")

    def type_in(*arguments):
        with pytest.raises(SystemExit) as caught:
            main.run(arguments)
        said = capsys.readouterr()
        return caught.value.code, said.out, said.err

    return type_in


def test_shows_its_version(shell):
    assert shell.run("--version").out == f"{__version__}\n"


def test_without_a_command_shows_help(type_in):
    _, out, err = type_in()

    assert "Usage: obskit" in out + err
    for command in ("up", "down", "status", "demo", "fault", "incidents"):
        assert re.search(rf"│ {command} ", out + err)


def test_command_loads_no_other():
    look = "import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules)))"
    command = [sys.executable, "-c", f"{look}; from obskit.cli.main import run; run(['status', '--help'])"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert "obskit.cli.status" in loaded
    assert {"obskit.cli.up", "obskit.boards", "obskit.pager", "fastapi"}.isdisjoint(loaded)


def all_commands():
    """Every command and group, as the words that a person types."""
    root = typer.main.get_command(build())
    yield ()
    for name, command in root.commands.items():
        yield (name,)
        for sub in getattr(command, "commands", {}):
            yield (name, sub)


@pytest.mark.parametrize("command", list(all_commands()), ids=" ".join)
def test_help_has_an_example(type_in, command):
    code, out, _ = type_in(*command, "--help")

    assert code == 0
    assert re.search(rf"Example:\s+obskit {' '.join(command)}", out)


@pytest.mark.parametrize(
    "arguments",
    [
        ("upp",),
        ("up", "--nonsense"),
        ("up", "--port", "grafan=1"),
        ("up", "--port", "prometheus=abc"),
        ("up", "--time-scale", "0.5"),
        ("up", "--time-scale", "fast"),
        ("fault", "on"),
        ("fault", "on", "inventory-errors", "--level", "33"),
        ("incidents", "show"),
        ("incidents", "list", "--status", "open,lost"),
    ],
    ids=" ".join,
)
def test_misuse_exits_2_without_a_traceback(type_in, arguments):
    code, out, err = type_in(*arguments)

    assert code == 2
    assert "Traceback" not in out + err
    assert "Usage: obskit" in err


def test_problem_is_one_sentence_with_its_fix_and_exits_1(shell):
    result = shell.run("status")

    assert result.code == 1
    assert result.out == ""
    assert result.err == f"Error: No stack is running in {shell.home.root}.\nFix:   obskit up\n"


def test_debug_shows_the_traceback_wherever_it_stands(shell):
    assert "Traceback" in shell.run("status", "--debug").err
    assert "Traceback" in shell.run("--debug", "status").err


def test_setting_that_cannot_be_used_is_a_problem(shell):
    result = shell.run("up", OBSKIT_PORT_PAGER="eight")

    assert result.code == 1
    assert "OBSKIT_PORT_PAGER=eight is not a port" in result.err
    assert "Traceback" not in result.err


def test_bug_is_one_sentence_too(monkeypatch, type_in):
    def broken(_given):
        msg = "a bug"
        raise RuntimeError(msg)

    monkeypatch.setattr(main, "_application", broken)

    code, _, err = type_in("status")

    assert code == 1
    assert err == (
        "Error: obskit failed: RuntimeError: a bug\n"
        "Fix:   type it again with --debug for the traceback, and report that.\n"
    )


def test_missing_extra_names_the_pip_command(monkeypatch, type_in):
    def missing(module, *, extra, used_by):
        raise MissingExtraError(f"{used_by} needs the package {module!r}: pip install 'x[{extra}]'")

    monkeypatch.setattr(main, "require", missing)

    code, _, err = type_in("status")

    assert code == 1
    assert "pip install 'x[stack]'" in err
