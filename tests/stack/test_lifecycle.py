import os
import signal
import socket
import subprocess
import sys
import threading
import time

import orjson
import pytest

from obskit import stack
from obskit.errors import StackError
from obskit.stack._identity import MARK, mark


def test_up_returns_when_all_are_ready_and_down_leaves_nothing(site):
    record = stack.up(site.home, site.plan(site.standin("nats"), site.standin("orders", after=("nats",))))

    assert record.phase == "running"
    assert {row.name: row.state for row in record.processes} == dict.fromkeys(
        ("keeper", "nats", "orders"), "ready"
    )
    assert site.running() == ["keeper", "nats", "orders", "supervisor"]

    assert stack.down(site.home)
    assert site.running() == []
    assert not site.home.state.exists()


def test_starts_what_others_need_first(site):
    record = stack.up(site.home, site.plan(site.standin("orders", after=("nats",)), site.standin("nats")))

    started = {row.name: row.started_at for row in record.processes}
    assert started["nats"] < started["orders"]


def test_what_watches_others_starts_when_they_are_there_and_comes_back_without_them(site, wait_for, tmp_path):
    broken = tmp_path / "broken"
    watcher = site.standin("prometheus", at_first_after=("orders",))
    record = stack.up(site.home, site.plan(watcher, site.standin("orders", "--crash-if", str(broken))))

    started = {row.name: row.started_at for row in record.processes}
    assert started["orders"] < started["prometheus"]
    broken.touch()
    site.kill("orders")
    before = site.kill("prometheus")
    wait_for(lambda: site.is_back("prometheus", before), "it is back")
    assert site.row("orders").state != "ready"


def test_reports_progress_of_each_process(site):
    seen = []

    stack.up(
        site.home,
        site.plan(site.standin("nats")),
        report=lambda rows: seen.append({r.name: r.state for r in rows}),
    )

    assert seen[-1] == {"keeper": "ready", "nats": "ready"}


def test_down_of_a_stopped_stack_says_that_none_ran(site):
    assert not stack.down(site.home)
    assert not site.home.root.exists()


def test_wipe_removes_the_home_folder(site):
    stack.up(site.home, site.plan(site.standin("nats")))

    stack.down(site.home, wipe=True)

    assert not site.home.root.exists()


def test_down_kills_what_ignores_sigterm(site):
    stack.up(site.home, site.plan(site.standin("nats", "--stubborn", stop_grace_s=0.3)))

    stack.down(site.home)

    assert site.running() == []


def test_second_up_says_that_it_runs_already(site):
    make = site.plan(site.standin("nats"))
    stack.up(site.home, make)

    with pytest.raises(StackError, match="already running") as caught:
        stack.up(site.home, make)

    assert "obskit status" in caught.value.fix
    assert "nats" in site.running()


def test_two_ups_at_once_start_one_stack(site, wait_for):
    refused = []
    arrived = threading.Event()
    plans = [site.plan(site.standin("nats")), site.plan(site.standin("nats"))]

    def other():
        arrived.wait(10)
        try:
            stack.up(site.home, plans[1])
        except StackError as error:
            refused.append(str(error))

    thread = threading.Thread(target=other)
    thread.start()
    stack.up(site.home, plans[0], report=lambda _rows: arrived.set())
    thread.join(20)

    assert len(refused) == 1
    assert "starting" in refused[0] or "already running" in refused[0]


def test_names_who_holds_a_taken_port(site):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError) as caught:
            stack.up(site.home, site.plan(site.standin("orders", port=port)))

    assert f"Port {port} (orders) is taken by" in str(caught.value)
    assert f"(pid {os.getpid()})" in str(caught.value)
    assert "--port orders=N" in caught.value.fix
    assert "OBSKIT_PORT_ORDERS" in caught.value.fix
    assert site.running() == []


def test_names_the_other_stack_that_holds_a_port(site, tmp_path):
    spec = site.standin("orders")
    stack.up(site.home, site.plan(spec))
    other = stack.Home.at(tmp_path / "other")

    with pytest.raises(StackError) as caught:
        stack.up(other, site.plan(site.standin("orders", port=spec.port)))

    assert f"held by the obskit stack in {site.home.root}" in str(caught.value)
    assert f"obskit down --home {site.home.root}" in caught.value.fix


def test_crash_at_start_shows_the_traceback_and_stops_the_rest(site):
    with pytest.raises(StackError) as caught:
        stack.up(site.home, site.plan(site.standin("nats"), site.standin("orders", "--crash")))

    assert str(caught.value) == "orders exited with code 1 at start, 3 times in a row."
    assert caught.value.output.startswith("Traceback (most recent call last):")
    assert caught.value.output.endswith("RuntimeError: the warehouse is on fire")
    assert str(site.home.log_of("orders")) in caught.value.fix
    assert site.running() == []


def test_program_that_cannot_be_started_is_named(site, tmp_path):
    spec = stack.ProcessSpec(name="orders", argv=(str(tmp_path / "nowhere"),))

    with pytest.raises(StackError, match=r"orders could not be started: .*nowhere"):
        stack.up(site.home, site.plan(spec))

    assert site.running() == []


def test_process_that_never_gets_ready_is_named(site):
    spec = site.standin("orders", "--mute", "--say", "hello")

    with pytest.raises(StackError) as caught:
        stack.up(site.home, site.plan(spec), timeout_s=6)

    assert str(caught.value) == (
        f"Not ready within 6 s: orders; orders: nothing listens on port {spec.port}."
    )
    assert "hello" in caught.value.output
    assert site.running() == []


def test_interrupt_while_starting_leaves_nothing(site):
    def interrupt(rows):
        if any(row.name == "nats" and row.state == "ready" for row in rows):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stack.up(
            site.home, site.plan(site.standin("nats"), site.standin("orders", "--mute")), report=interrupt
        )

    assert site.running() == []


def test_up_ends_leftovers_of_a_stack_that_lost_its_watchers(site):
    stack.up(site.home, site.plan(site.standin("nats")))
    stray = site.row("nats").process
    site.kill_watchers()
    assert site.running() == ["nats"]

    stack.up(site.home, site.plan(site.standin("nats")))

    assert site.row("nats").process != stray
    assert site.running() == ["keeper", "nats", "supervisor"]


def test_down_without_a_state_file_finds_processes_by_their_mark(site, wait_for):
    stack.up(site.home, site.plan(site.standin("nats")))
    for name in ("keeper", "supervisor"):
        os.kill(site.row(name).process.pid, signal.SIGSTOP)
    site.home.state.unlink()

    assert stack.down(site.home)
    assert site.running() == []


def test_down_spares_a_process_that_took_a_pid_of_the_state_file(site, wait_for):
    """The file is left by a power cut, say, and the pid is somebody else's now."""
    stack.up(site.home, site.plan(site.standin("nats")))
    content = site.home.state.read_bytes()
    stack.down(site.home)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        site.home.state.write_bytes(with_pid(content, stranger.pid))

        assert stack.status(site.home).is_running is False
        assert not stack.down(site.home)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def with_pid(content, pid):
    raw = orjson.loads(content)
    for row in (raw["supervisor"], *raw["processes"]):
        row["process"]["pid"] = pid
    return orjson.dumps(raw)


def test_removed_home_folder_ends_the_stack(site, wait_for):
    """``git clean -fdx`` is typed more often than ``obskit down``."""
    stack.up(site.home, site.plan(site.standin("nats")))

    site.home.wipe()

    wait_for(lambda: site.running() == [], "the end of everything")


def test_end_of_the_owner_ends_the_stack(site, wait_for):
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        stack.up(site.home, site.plan(site.standin("nats"), owner=stack.identify(owner.pid)))
    finally:
        owner.kill()
        owner.wait()

    wait_for(lambda: site.running() == [], "the end of everything")


def test_sigterm_to_the_supervisor_ends_the_stack_for_good(site, wait_for):
    stack.up(site.home, site.plan(site.standin("nats")))

    os.kill(site.row("supervisor").process.pid, signal.SIGTERM)

    wait_for(lambda: site.running() == [], "the end of everything")
    assert not site.home.state.exists()


def test_marked_children_of_a_process_end_with_the_stack(site):
    stack.up(site.home, site.plan(site.standin("nats")))
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env={**os.environ, MARK: mark("nats", site.home.root)},
    )
    reaper = threading.Thread(target=child.wait)
    reaper.start()

    stack.down(site.home)
    reaper.join(5)

    assert child.returncode == -signal.SIGTERM


@pytest.fixture
def hears_ctrl_c():
    """A shell without job control starts what runs in the background deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_uninterrupted_holds_ctrl_c_back():
    with stack.uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
