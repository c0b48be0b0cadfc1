"""Starts a stack and waits for it; ends a stack and makes sure of it."""

import asyncio
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from obskit.errors import StackError
from obskit.stack._home import Home
from obskit.stack._identity import Identity, find_marked, is_alive, send
from obskit.stack._launch import start_supervisor
from obskit.stack._logs import excerpt
from obskit.stack._ports import check_free
from obskit.stack._probe import check
from obskit.stack._specs import KEEPER, SUPERVISOR, Plan
from obskit.stack._state import ProcessRecord, StackRecord, read_record

__all__ = ["STOP_SIGNALS", "Report", "change", "down", "end_everything", "silent", "uninterrupted", "up"]

READY_TIMEOUT_S = 60.0
"""Seconds that all processes together may take to be ready; on an idle machine they need about five."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_POLL_S = 0.1
_ORDERLY_STOP_S = 45.0
_GRACE_S = 10.0

Report = Callable[[Sequence[ProcessRecord]], None]
"""Called again and again with all processes as they are now, to show progress."""


def silent(_records: Sequence[ProcessRecord]) -> None:
    """Show nothing."""


def up(
    home: Home,
    make_plan: Callable[[], Plan],
    *,
    report: Report = silent,
    timeout_s: float = READY_TIMEOUT_S,
) -> StackRecord:
    """Start the processes of a plan in the background and return when all of them are ready.

    *make_plan* is called once it is clear that nothing runs in *home*. Whatever goes wrong,
    Ctrl-C included, what was started is ended again.

    Raises:
        StackError: the stack runs already, a port is taken, or a process does not get ready.
    """
    _refuse_second(home)
    home.create()
    with home.lock("up") as mine:
        if not mine:
            msg = f"Another obskit up is starting the stack in {home.root}."
            raise StackError(msg, fix="wait for it, then obskit status")
        _refuse_second(home)
        end_everything(home)
        plan = make_plan()
        check_free(plan.listening)
        home.state.unlink(missing_ok=True)
        home.applied.unlink(missing_ok=True)
        plan.write(home.plan)
        home.stop.unlink(missing_ok=True)
        report([ProcessRecord(name=each.name, state="starting", port=each.port) for each in plan.processes])
        try:
            return _wait_until_ready(home, start_supervisor(home), report, timeout_s)
        except BaseException:
            with uninterrupted():
                down(home)
            raise


def _refuse_second(home: Home) -> None:
    record = read_record(home.state)
    if record is None:
        return
    watchers = [record.supervisor, *(row for row in record.processes if row.name == KEEPER)]
    if not any(row.process is not None and is_alive(row.process) for row in watchers):
        return
    if record.phase == "stopping":
        msg = f"The stack in {home.root} is being stopped."
        raise StackError(msg, fix="wait until obskit status says that it is down, then obskit up")
    msg = f"The stack in {home.root} is already running."
    raise StackError(msg, fix="obskit status, or obskit down to end it")


def change(
    home: Home,
    make_plan: Callable[[Plan], Plan],
    *,
    report: Report = silent,
    timeout_s: float = READY_TIMEOUT_S,
) -> None:
    """Have the supervisor go over to what *make_plan* makes of its plan.

    Returns when all processes are ready. A process that does not get ready is left to the supervisor,
    and the stack runs on.

    Raises:
        StackError: no stack runs here, it is being changed or has a fault, or a process does not get ready.
    """
    record = read_record(home.state)
    if record is None or record.phase == "stopping":
        msg = f"No stack is running in {home.root}, or it is just being stopped."
        raise StackError(msg, fix="obskit status")
    if record.faults:
        fault = next(iter(record.faults))
        msg = f"The fault {fault} acts on the stack, so it is not changed now."
        raise StackError(msg, fix=f"obskit fault off {fault}, then the same again")
    with home.lock("up") as mine:
        if not mine:
            msg = f"Another command is changing the stack in {home.root}."
            raise StackError(msg, fix="wait for it, then obskit status")
        plan = make_plan(Plan.read(home.plan))
        plan.write(home.plan)
        _reload(record, "prometheus")
        _wait_until_ready(home, None, report, timeout_s, plan.revision)


def _reload(record: StackRecord, name: str) -> None:
    """Have a process that is ready read its configuration again."""
    for row in record.processes:
        # Before it is ready, the signal would end it.
        if row.name == name and row.state == "ready" and row.process is not None:
            send(row.process, signal.SIGHUP)


def _wait_until_ready(
    home: Home,
    supervisor: subprocess.Popen[bytes] | None,
    report: Report,
    timeout_s: float,
    revision: int = 0,
) -> StackRecord:
    deadline = time.monotonic() + timeout_s
    while True:
        record = read_record(home.state)
        if record is not None and record.revision == revision:
            report(record.processes)
            _refuse_failed(home, record)
            if record.phase == "running":
                return record
        if home.stop.exists():
            msg = "The stack was stopped while it started."
            raise StackError(msg, fix="obskit up")
        if supervisor is not None and supervisor.poll() is not None and record is None:
            raise _supervisor_failed(home)
        if time.monotonic() > deadline:
            raise _too_late(home, record, timeout_s)
        time.sleep(_POLL_S)


def _refuse_failed(home: Home, record: StackRecord) -> None:
    for row in record.processes:
        if row.state == "failed":
            msg = f"{row.name} {row.last_exit} at start, {row.restarts} times in a row."
            fix = f"mend what is shown above, then obskit up; its whole output is in {home.log_of(row.name)}"
            raise StackError(msg, fix=fix, output=row.output)


def _supervisor_failed(home: Home) -> StackError:
    log = home.log_of(SUPERVISOR)
    msg = "The supervisor of the stack ended at start."
    return StackError(msg, fix=f"read {log}, then obskit up", output=excerpt(log))


def _too_late(home: Home, record: StackRecord | None, timeout_s: float) -> StackError:
    late = [row for row in record.processes if row.state != "ready"] if record is not None else []
    if not late:
        return _supervisor_failed(home)
    row = late[0]
    names = ", ".join(each.name for each in late)
    reason = asyncio.run(check(row.ready)) or "it only just was"
    msg = f"Not ready within {timeout_s:g} s: {names}; {row.name}: {reason}."
    log = home.log_of(row.name)
    return StackError(msg, fix=f"read {log}, then obskit up", output=excerpt(log))


def down(home: Home, *, wipe: bool = False, report: Report = silent) -> bool:
    """End every process of the stack in *home*, in reverse order; gives False when none ran.

    With *wipe* the home folder is removed as well.

    Raises:
        StackError: a process belongs to another user, or the folder to wipe is not obskit's.
    """
    if home.exists():
        home.stop.touch()
    was_running = _ask_supervisor(home, report)
    was_running = end_everything(home) or was_running
    if home.exists():
        home.state.unlink(missing_ok=True)
    if wipe:
        home.wipe()
    return was_running


def _ask_supervisor(home: Home, report: Report) -> bool:
    """Let the supervisor end everything in order, and wait for it."""
    record = read_record(home.state)
    if record is None or record.supervisor.process is None:
        return False
    supervisor = record.supervisor.process
    if not _ask_to_end(supervisor):
        return False
    deadline = time.monotonic() + _ORDERLY_STOP_S
    while is_alive(supervisor) and time.monotonic() < deadline:
        record = read_record(home.state) or record
        report(record.processes)
        time.sleep(_POLL_S)
    if not is_alive(supervisor):  # it removed the state file after the last one ended
        report([replace(row, state="stopped") for row in record.processes])
    return True


def end_everything(home: Home) -> bool:
    """End whatever of the stack in *home* still runs without a supervisor; gives False when nothing did."""
    deadline = time.monotonic() + _GRACE_S
    asked: set[Identity] = set()
    while living := _living(home):
        if time.monotonic() > deadline + _GRACE_S:
            msg = f"Process {living[0].pid} of the stack does not end, even by SIGKILL."
            raise StackError(msg, fix=f"ps -p {living[0].pid} -o pid,stat,wchan,args")
        for process in living:
            if time.monotonic() > deadline:
                send(process, signal.SIGKILL)
            elif process not in asked:
                _ask_to_end(process)
        asked.update(living)
        time.sleep(_POLL_S)
    return bool(asked)


def _ask_to_end(process: Identity) -> bool:
    # One that was stopped by Ctrl-Z or a debugger would not see the first signal without the second.
    return send(process, signal.SIGTERM) and send(process, signal.SIGCONT)


def _living(home: Home) -> list[Identity]:
    record = read_record(home.state)
    rows = (record.supervisor, *record.processes) if record is not None else ()
    known = [(row.name, row.process) for row in rows if row.process is not None and is_alive(row.process)]
    # Those that start others come first.
    found = sorted([*known, *find_marked(home.root)], key=lambda row: row[0] not in {SUPERVISOR, KEEPER})
    return list(dict.fromkeys(process for _, process in found))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and its kin wait: half an end would leave processes running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
