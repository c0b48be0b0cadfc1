"""One process of the stack over all its lives: start, death, the pause before the next start."""

import asyncio
import logging
import signal
import subprocess
import time

from obskit.stack._home import Home
from obskit.stack._identity import Identity, identify, is_alive, send
from obskit.stack._launch import launch
from obskit.stack._logs import excerpt
from obskit.stack._specs import ProcessSpec
from obskit.stack._state import ProcessRecord, State

__all__ = ["Unit"]

_log = logging.getLogger(__name__)

_LOOK_S = 0.05

SHORT_LIFE_S = 10.0
"""A process that ends sooner has died early."""
MAX_DEATHS_BEFORE_READY = 3
"""So many deaths in a row without being ready once are a crash loop."""
MAX_EARLY_DEATHS = 8
"""So many early deaths in a row are a crash loop as well."""
PAUSES_S = (0.0, 0.5, 1.0, 2.0)
"""Seconds before the next start, by early deaths in a row; the last one from then on."""
FAILED_PAUSE_S = 30.0
"""Seconds between two starts of a process in a crash loop: its cause may have gone."""


class Unit:
    """Owned by the supervisor; nothing else starts or ends the process."""

    def __init__(self, spec: ProcessSpec, home: Home) -> None:
        self.spec = spec
        self.state: State = "starting"
        self.process: Identity | None = None
        self.held_by = ""
        """The fault that acts on the process, or empty."""
        self.is_barred = False
        """It must not be started."""
        self.argv: tuple[str, ...] = spec.argv
        """The command line of the next start."""
        self._is_end_expected = False
        self._home = home
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at: float | None = None
        self._restarts = 0
        self._last_exit = ""
        self._output = ""
        self._offset = 0
        self._deaths_before_ready = 0
        self._early_deaths = 0

    def adopt(self, record: ProcessRecord) -> None:
        """Go on with what an earlier supervisor knew; a process that still runs stays as it is."""
        self.state = record.state if record.state not in {"held", "stopped"} else "starting"
        self.process = record.process
        self._started_at = record.started_at
        self._restarts = record.restarts
        self._last_exit = record.last_exit
        self._output = record.output
        if self.process is not None and not self.alive():
            self.bury()

    def adopt_stray(self, process: Identity) -> None:
        """Take a process that an earlier supervisor started but had no time to write down."""
        self.process = process
        self._started_at = time.time()

    def start(self) -> None:
        """Start the process; a program that cannot be started counts as one that died at once."""
        log = self._home.log_of(self.spec.name)
        self._offset = log.stat().st_size if log.exists() else 0
        self._started_at = time.time()
        self._is_end_expected = False
        try:
            spec = self.spec
            self._child = launch(self._home, spec.name, self.argv, spec.env, spec.directory)
        except OSError as error:
            self._last_exit = f"could not be started: {error}"
            _log.warning("%s %s", self.spec.name, self._last_exit)
            return
        self.process = identify(self._child.pid)
        _log.info("%s started (pid %d)", self.spec.name, self._child.pid)

    def alive(self) -> bool:
        """Tell whether the process runs."""
        if self._child is not None:
            return self._child.poll() is None
        return self.process is not None and is_alive(self.process)

    def note_ready(self) -> None:
        """Remember that the process answers its probe."""
        self.state = "ready"
        self._deaths_before_ready = 0
        self._output = ""
        _log.info("%s ready", self.spec.name)

    def bury(self) -> None:
        """Take note of the death of the process and say what follows."""
        if self.held_by or self._is_end_expected:
            self._lay_to_rest()
            return
        self._last_exit = self._reason()
        lived_s = time.time() - (self._started_at or 0.0)
        was_ready = self.state == "ready"
        self._deaths_before_ready = 0 if was_ready else self._deaths_before_ready + 1
        self._early_deaths = self._early_deaths + 1 if lived_s < SHORT_LIFE_S else 1
        self._restarts += 1
        self._child = self.process = self._started_at = None
        if self._is_crash_loop():
            self.state = "failed"
            self._output = excerpt(self._home.log_of(self.spec.name), self._offset)
        elif self.state != "failed":
            self.state = "restarting"
        _log.warning(
            "%s %s; restart %d in %g s", self.spec.name, self._last_exit, self._restarts, self.pause_s
        )

    def _lay_to_rest(self) -> None:
        # A death on purpose: it is neither a restart nor a step to a crash loop.
        self._child = self.process = self._started_at = None
        self.state = "restarting"
        _log.info("%s ended on purpose", self.spec.name)

    def has_finished(self) -> bool:
        """Tell whether the process ended by itself and well, as far as anybody can know."""
        if self.alive():
            return False
        return self.process is not None if self._child is None else self._child.poll() == 0

    def kill(self) -> None:
        """Kill the process; its death is meant and counts as no restart."""
        self._is_end_expected = True
        self.signal(signal.SIGKILL)

    async def end(self) -> None:
        """End the process: SIGTERM, and SIGKILL when that did not help in its time."""
        self._is_end_expected = True
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)  # a process that was stopped would not see the first one
        ending = self.process
        deadline = time.monotonic() + self.spec.stop_grace_s
        # Whoever watches it may have started the next one between two looks; that one lives on.
        while self.alive() and self.process == ending:
            if time.monotonic() > deadline:
                self.signal(signal.SIGKILL)
            await asyncio.sleep(_LOOK_S)
        if not self.alive():
            self.state = "stopped"
            self.process = None

    def _is_crash_loop(self) -> bool:
        return self._deaths_before_ready >= MAX_DEATHS_BEFORE_READY or self._early_deaths >= MAX_EARLY_DEATHS

    def _reason(self) -> str:
        if self._child is None:
            # Its parent was an earlier supervisor, and only a parent is told the exit code.
            return self._last_exit if self.process is None else "ended, exit code unknown"
        code = self._child.poll()
        if code is None or code >= 0:
            return f"exited with code {code}"
        return f"killed by {_signal_name(-code)}"

    @property
    def pause_s(self) -> float:
        """Seconds to wait before the next start."""
        if self.held_by or self._is_end_expected:
            return 0.0
        if self.state == "failed":
            return FAILED_PAUSE_S
        return PAUSES_S[min(self._early_deaths - 1, len(PAUSES_S) - 1)]

    def signal(self, number: signal.Signals) -> None:
        """Signal the process, if it runs."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)
        elif self._child is None and self.process is not None:
            send(self.process, number)

    def record(self) -> ProcessRecord:
        """Return what the state file shows."""
        return ProcessRecord(
            name=self.spec.name,
            state="held" if self.held_by and self.state != "stopped" else self.state,
            process=self.process,
            started_at=self._started_at,
            ready=self.spec.ready,
            port=self.spec.port,
            url=self.spec.url,
            restarts=self._restarts,
            last_exit=f"held by the fault {self.held_by}" if self.held_by else self._last_exit,
            output=self._output,
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"
