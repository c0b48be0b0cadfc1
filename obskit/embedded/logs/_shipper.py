"""Follows the log files of a folder and pushes their lines to a Loki."""

import threading
from pathlib import Path

import httpx

from obskit import Telemetry, catalog
from obskit._guard import guarded
from obskit.embedded.logs._outbox import Outbox, Parcel
from obskit.embedded.logs._tailer import Tailer

__all__ = ["Shipper"]

_PUSH = "/loki/api/v1/push"
_TIMEOUT_S = 30.0
_LOOK_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_REFUSED = {400, 413, 422}
"""Loki's answers that stay what they are however often a line is sent."""
_SHOWN = 300
_OUTCOMES = ("ok", "rejected", "failed")


class Shipper:
    """Pushes the lines of *log_dir* to the Loki at *url*; what waits is kept in the file *path*.

    While Loki does not answer, lines wait in the files; they are lost only when a file is
    rotated away before it comes back.

    Raises:
        StackError: the file *path* cannot be used.
    """

    def __init__(self, path: Path, log_dir: Path, url: str, telemetry: Telemetry) -> None:
        self._outbox = Outbox(path)
        self._tailer = Tailer(self._outbox, log_dir)
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT_S)
        self._telemetry = telemetry
        self._pipe = telemetry.pipe
        self._problem = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-shipper", daemon=True)
        for outcome in _OUTCOMES:
            telemetry.metrics.counter(catalog.SHIP_PUSHES, outcome)
        for outcome in ("ok", "rejected"):
            telemetry.metrics.counter(catalog.SHIPPED_LINES, outcome)
        telemetry.metrics.gauge(catalog.SHIP_WAITING).set_function(lambda: self._outbox.waiting_bytes)

    def start(self) -> None:
        """Begin to read and to push."""
        self._tailer.start()
        self._thread.start()

    def check(self) -> None:
        """Raise while Loki does not take lines.

        Raises:
            ConnectionError: the last push failed; the text says how.
        """
        if self._problem:
            raise ConnectionError(self._problem)

    def close(self) -> None:
        """End; what was read and not taken is pushed by the next process."""
        self._stop.set()
        self._outbox.stop()
        self._tailer.close()
        self._thread.join(_TIMEOUT_S + _LOOK_S)
        self._client.close()
        self._outbox.close()

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        alone = False
        while not self._stop.is_set():
            with guarded("log shipper"):
                parcel = self._outbox.next(_LOOK_S, alone=alone)
                if parcel is None:
                    continue
                outcome = self._push(parcel)
                # One bad parcel must not take others with it, nor be sent for ever.
                alone = outcome == "rejected" and len(parcel.ids) > 1
                if outcome == "failed":
                    self._stop.wait(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE_S)
                elif not alone:
                    pause = _FIRST_PAUSE_S
                    self._count(parcel, outcome)
                    self._outbox.remove(parcel)

    def _push(self, parcel: Parcel) -> str:
        """Send *parcel*; return ok, rejected or failed."""
        body = b'{"streams":[' + parcel.streams + b"]}"
        try:
            answer = self._client.post(_PUSH, content=body, headers={"Content-Type": "application/json"})
        except httpx.HTTPError as error:
            return self._failed(f"{type(error).__name__}: {error}")
        if answer.is_success:
            return self._recovered("ok")
        said = f"{answer.status_code}: {answer.text.strip()[:_SHOWN]}"
        if answer.status_code not in _REFUSED:
            return self._failed(said)
        if len(parcel.ids) == 1:
            self._pipe.emit("warning", "ship.rejected", {"problem": said, "lines": parcel.lines})
        return self._recovered("rejected")

    def _count(self, parcel: Parcel, outcome: str) -> None:
        metrics = self._telemetry.metrics
        metrics.counter(catalog.SHIP_PUSHES, outcome).inc()
        metrics.counter(catalog.SHIPPED_LINES, outcome).inc(parcel.lines)

    def _failed(self, problem: str) -> str:
        self._telemetry.metrics.counter(catalog.SHIP_PUSHES, "failed").inc()
        if not self._problem:
            self._pipe.emit("error", "ship.failed", {"problem": problem})
        self._problem = f"Loki does not take log lines: {problem}"
        return "failed"

    def _recovered(self, outcome: str) -> str:
        if self._problem:
            self._pipe.emit("info", "ship.recovered", {})
        self._problem = ""
        return outcome
