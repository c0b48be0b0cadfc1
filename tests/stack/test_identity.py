import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from obskit.stack import identify
from obskit.stack._identity import MARK, find_marked, is_alive, mark, marked_home, send

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def child():
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def test_knows_a_process_again(child):
    identity = identify(child.pid)

    assert identity == identify(child.pid)
    assert is_alive(identity)
    assert identity != identify(os.getpid())


def test_pid_that_nobody_has_is_nobody(child):
    child.kill()
    child.wait()

    assert identify(child.pid) is None


def test_zombie_counts_as_ended(child, wait_for):
    identity = identify(child.pid)
    os.kill(child.pid, signal.SIGKILL)

    wait_for(lambda: not is_alive(identity), "a zombie")

    assert identify(child.pid) is None


def test_never_signals_another_process_with_the_same_pid(child):
    impostor = replace(identify(child.pid), born="long ago")

    assert not send(impostor, signal.SIGKILL)
    assert child.poll() is None


def test_signals_the_process_itself(child):
    assert send(identify(child.pid), signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL


def test_ended_process_is_not_signalled(child):
    identity = identify(child.pid)
    child.kill()
    child.wait()

    assert not send(identity, signal.SIGTERM)


def test_finds_processes_by_their_mark_only(tmp_path, child):
    marked = subprocess.Popen(SLEEP, env={**os.environ, MARK: mark("orders", tmp_path)})
    other = subprocess.Popen(SLEEP, env={**os.environ, MARK: mark("orders", tmp_path / "other")})
    try:
        assert find_marked(tmp_path) == [("orders", identify(marked.pid))]
        assert marked_home(marked.pid) == str(tmp_path)
        assert marked_home(child.pid) is None
    finally:
        for process in (marked, other):
            process.kill()
            process.wait()
