"""The entry point: builds the application, and turns errors into one sentence and a fix.

Exit codes: 0 done, 1 a problem was found, 2 misuse, 130 interrupted.
"""

import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from obskit._extras import require
from obskit.errors import ObskitError

if TYPE_CHECKING:
    import typer

__all__ = ["run"]

_DEBUG = "--debug"
_INTERRUPTED = 130
_PACKAGES = ("typer", "rich", "httpx", "psutil", "yaml")


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_debugging = _DEBUG in given
    try:
        _application(given)(args=[each for each in given if each != _DEBUG], prog_name="obskit")
    except ObskitError as error:
        if is_debugging:
            traceback.print_exc()
        _show(error)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a person at a terminal gets a sentence, not a traceback
        if is_debugging:
            traceback.print_exc()
        sys.stderr.write(f"Error: obskit failed: {type(error).__name__}: {error}\n")
        sys.stderr.write(f"Fix:   type it again with {_DEBUG} for the traceback, and report that.\n")
    sys.exit(1)


def _application(given: list[str]) -> "typer.Typer":
    for package in _PACKAGES:
        require(package, extra="stack", used_by="The obskit command")
    from obskit.cli._application import build

    return build(next((each for each in given if not each.startswith("-")), ""))


def _show(error: ObskitError) -> None:
    """Print on stderr what a process said, the error in one sentence, and the fix."""
    output, fix = getattr(error, "output", ""), getattr(error, "fix", "")
    if output:
        sys.stderr.write("".join(f"    {line}\n" for line in output.splitlines()) + "\n")
    sys.stderr.write(f"Error: {error}\n")
    if fix:
        sys.stderr.write(f"Fix:   {fix}\n")
