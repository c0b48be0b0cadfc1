"""Runs somebody's application in a process of its own, so that its output does not mix with ours."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

__all__ = ["Child", "run_child"]

_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Child:
    """What a child wrote: its answer, or None when it ended before it had one, and its output."""

    answer: Any
    stdout: str
    stderr: str
    is_late: bool = False

    @property
    def last_words(self) -> str:
        """The last line on stderr: of a traceback that is the exception."""
        if self.is_late:
            return f"it did not end within {_DEADLINE_S:.0f} s"
        lines = [line for line in self.stderr.strip().splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it ended without a word"


def run_child(module: str, arguments: Sequence[str], *, without: Sequence[str] = ()) -> Child:
    """Run ``python -m module ARGUMENTS ANSWER`` and return what it wrote to the file ANSWER, as JSON.

    Args:
        module: the module to run.
        arguments: what stands before the name of the answer's file.
        without: variables of the environment that the child does not get.
    """
    environ = {name: value for name, value in os.environ.items() if name not in without}
    with tempfile.TemporaryDirectory(prefix="obskit-") as folder:
        answer, out, err = (Path(folder, name) for name in ("answer", "stdout", "stderr"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of ours
                [sys.executable, "-m", module, *arguments, str(answer)],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=environ,
                start_new_session=True,
            )
            is_late = _is_late(process)
        found = orjson.loads(answer.read_bytes()) if answer.exists() else None
        return Child(found, _text(out), _text(err), is_late)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _is_late(process: subprocess.Popen[bytes]) -> bool:
    """Wait for *process*; end it, and what it started, when it takes too long or Ctrl-C comes."""
    try:
        process.wait(_DEADLINE_S)
    except subprocess.TimeoutExpired:
        return True
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return False
