import signal
import sys

import pytest

from obskit import stack
from obskit.stack._unit import FAILED_PAUSE_S, Unit

EXIT = stack.ProcessSpec(name="orders", argv=(sys.executable, "-c", "raise SystemExit(3)"))
SLEEP = stack.ProcessSpec(name="orders", argv=(sys.executable, "-c", "import time; time.sleep(60)"))


@pytest.fixture
def home(tmp_path) -> stack.Home:
    home = stack.Home.at(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def live_once(wait_for):
    """Starts the process and waits for its end, as the supervisor does."""

    def live(unit):
        unit.start()
        wait_for(lambda: not unit.alive(), "the end of the process")
        unit.bury()

    return live


def test_first_restart_is_immediate_and_each_further_one_waits_longer(home, live_once):
    unit = Unit(EXIT, home)
    pauses = []
    for _ in range(2):
        live_once(unit)
        pauses.append(unit.pause_s)

    assert pauses == [0.0, 0.5]
    assert unit.record().state == "restarting"
    assert unit.record().last_exit == "exited with code 3"


def test_third_death_before_ready_is_a_crash_loop_that_is_tried_again_later(home, live_once):
    unit = Unit(EXIT, home)
    for _ in range(3):
        live_once(unit)

    assert unit.record().state == "failed"
    assert unit.pause_s == FAILED_PAUSE_S


def test_kill_of_a_ready_process_is_no_crash_loop(home, wait_for):
    unit = Unit(SLEEP, home)
    for _ in range(5):
        unit.start()
        unit.note_ready()
        unit.signal(signal.SIGKILL)
        wait_for(lambda: not unit.alive(), "the end of the process")
        unit.bury()

    assert unit.record().state == "restarting"
    assert unit.record().last_exit == "killed by SIGKILL"
    assert unit.pause_s == 2.0


def test_process_that_keeps_dying_soon_after_ready_is_a_crash_loop(home, wait_for):
    unit = Unit(EXIT, home)
    for _ in range(8):
        unit.start()
        unit.note_ready()
        wait_for(lambda: not unit.alive(), "the end of the process")
        unit.bury()

    assert unit.record().state == "failed"


def test_recovers_from_failed_once_it_is_ready(home, live_once):
    unit = Unit(EXIT, home)
    for _ in range(3):
        live_once(unit)

    unit.note_ready()

    assert unit.record().state == "ready"
    assert unit.record().output == ""
