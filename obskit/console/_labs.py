"""Runs the labs of the sample services, one at a time, each as a process of its own."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Lab", "Labs", "LabsError", "Run"]

# A process of its own, as somebody at a terminal starts it: it has Prometheus scrape the lab, for its board.
_COMMAND = (sys.executable, "-P", "-c", "from obskit.cli.main import run; run()", "lab")
_QUICK_S = 2
_REPETITIONS = 3
_KEPT_LINES = 200
_GRACE_S = 10.0
_SAID = 400
_AGAIN_S = 30.0


class LabsError(Exception):
    """The labs cannot be listed or run; the text says why, *fix* what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab: its question, the ways that it compares, and how long a whole run takes at least."""

    name: str
    question: str
    ways: Sequence[str]
    seconds: float


@dataclass(slots=True)
class Run:
    """One run of one lab: what it has said so far, and what came of it."""

    name: str
    seconds: float
    """How long it takes at least."""
    began: float
    lines: list[str] = field(default_factory=list)
    result: Mapping[str, Any] | None = None
    problem: str = ""
    is_stopped: bool = False
    ended: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began, or from its beginning to its end."""
        return (time.time() if self.ended is None else self.ended) - self.began

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1, as far as that can be told."""
        return 1.0 if self.ended is not None else min(self.elapsed_s / max(self.seconds, 1.0), 0.97)


class Labs:
    """The labs, the one that runs, and the last run of each.

    *home* is the state folder of the stack whose Prometheus shows them; *command* lists and runs them.
    """

    def __init__(self, home: Path | None = None, command: Sequence[str] = _COMMAND) -> None:
        self._command = tuple(command)
        self._home = () if home is None else (f"--home={home}",)
        self._listed: list[Lab] | None = None
        self._listing = asyncio.Lock()
        self._refused: tuple[float, LabsError] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self.running: Run | None = None
        self.runs: dict[str, Run] = {}

    async def listed(self) -> list[Lab]:
        """Return all labs; the first call asks the command.

        Raises:
            LabsError: it cannot say; it is asked again after half a minute.
        """
        async with self._listing:
            if self._listed is None:
                if self._refused is not None and time.monotonic() < self._refused[0]:
                    raise self._refused[1]
                try:
                    self._listed = await self._list()
                except LabsError as error:
                    self._refused = time.monotonic() + _AGAIN_S, error
                    raise
            return self._listed

    async def _list(self) -> list[Lab]:
        process = await self._start("list", "--json")
        out, said = await process.communicate()
        return [
            Lab(row["name"], row["question"], tuple(row["ways"]), float(row.get("seconds", 0)))
            for row in _answer(process, out, said.decode(errors="replace"))
        ]

    async def start(self, name: str, *, is_quick: bool = False) -> Run:
        """Begin to run a lab; a quick run has short repetitions, good for a look and no more.

        Raises:
            LabsError: there is no such lab, another one runs, or it cannot be started.
        """
        lab = next((lab for lab in await self.listed() if lab.name == name), None)
        if lab is None:
            msg = f"There is no lab {name!r}."
            raise LabsError(msg, "Choose one of the list.")
        if self.running is not None:
            msg = f"The lab {self.running.name} is running, and two at once would measure each other."
            raise LabsError(msg, "Wait for its end, or stop it.")
        seconds = _QUICK_S * _REPETITIONS * len(lab.ways) if is_quick else lab.seconds
        quick = (f"--seconds={_QUICK_S}",) if is_quick else ()
        run = self.running = self.runs[name] = Run(name, seconds, time.time())
        try:
            self._process = await self._start("run", name, "--json", *quick, *self._home)
        except LabsError:
            self.running = None
            del self.runs[name]
            raise
        self._task = asyncio.create_task(self._follow(self._process, run))
        return run

    async def stop(self) -> None:
        """End the run, if there is one, and wait until its processes are gone."""
        process, task = self._process, self._task
        if process is None or task is None or task.done():
            return
        if self.running is not None:
            self.running.is_stopped = True
        process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(task), _GRACE_S)
        except TimeoutError:
            process.kill()
            await task

    async def _start(self, *arguments: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            msg = f"The labs cannot be started: {error}"
            raise LabsError(msg, "Install obskit anew with the extra for the samples.") from error

    async def _follow(self, process: asyncio.subprocess.Process, run: Run) -> None:
        out = asyncio.create_task(process.stdout.read()) if process.stdout else None
        if process.stderr is not None:
            async for line in process.stderr:
                run.lines = [*run.lines, line.decode(errors="replace").rstrip()][-_KEPT_LINES:]
        found = await out if out else b""
        await process.wait()
        try:
            run.result = _answer(process, found, "\n".join(run.lines))
        except LabsError as error:
            run.problem = "It was stopped." if run.is_stopped else str(error)
        finally:
            run.ended = time.time()
            self.running = None


def _answer(process: asyncio.subprocess.Process, out: bytes, said: str) -> Any:
    if process.returncode:
        why = said.strip()[-_SAID:] or "it did not say why"
        msg = f"It ended with {process.returncode}: {why}"
        raise LabsError(msg, "Run it in a terminal to see more: obskit lab run NAME")
    try:
        return json.loads(out)
    except ValueError:
        msg = f"It answered no JSON: {out[:80].decode(errors='replace')!r}."
        raise LabsError(msg, "Run it in a terminal to see more: obskit lab run NAME") from None
