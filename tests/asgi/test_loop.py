"""What blocks the event loop is named while it does."""

import asyncio
import sys
import threading
import time

import pytest

from obskit.asgi._loop import LoopWatch


class Lines:
    """Keeps what is written in the place of a pipe, and says when."""

    def __init__(self):
        self.written = []
        self.came = threading.Event()

    def emit(self, level, event, fields):
        self.written.append((level, event, fields))
        self.came.set()


@pytest.fixture
def lines():
    return Lines()


def watch(lines, scenario, limit_s=0.05):
    async def run():
        watching = LoopWatch(lines, limit_s)
        try:
            await scenario()
        finally:
            watching.stop()

    asyncio.run(run())


def hold_until(came):
    while not came.is_set():
        time.sleep(0.005)


def test_call_that_holds_the_loop_is_named_with_its_line_before_it_ends(lines):
    async def scenario():
        hold_until(lines.came)

    watch(lines, scenario)

    ((level, event, fields),) = lines.written
    assert (level, event) == ("warning", "loop.blocked")
    assert fields["blocked_ms"] >= 50
    assert "test_loop.py:" in fields["code"]
    assert fields["code"].endswith("in hold_until")


def test_each_call_is_told_once(lines):
    async def scenario():
        for _ in range(2):
            hold_until(lines.came)
            time.sleep(0.6)  # noqa: ASYNC251 - goes on to hold it
            lines.came.clear()
            await asyncio.sleep(0.3)

    watch(lines, scenario, limit_s=0.2)

    told = [fields["code"] for _, _, fields in lines.written if "test_loop.py" in fields["code"]]
    assert len(told) == 2, lines.written


def test_loop_that_waits_is_not_blocked(lines):
    # The process was stopped and goes on, or gets no processor: the loop is late, and nothing holds it.
    async def run():
        watching = LoopWatch(lines, 60.0)
        main = threading.get_ident()

        def look():
            while not sys._current_frames()[main].f_code.co_filename.endswith("selectors.py"):
                time.sleep(0.001)
            watching._tell(60.0)

        await asyncio.to_thread(look)
        watching.stop()

    asyncio.run(run())

    assert lines.written == []


def test_line_of_who_started_the_loop_is_not_taken_for_the_call(lines):
    async def scenario():
        # An event that nobody sets, as a library waits for an answer.
        asyncio.get_running_loop().call_soon(threading.Event().wait, 0.5)
        await asyncio.to_thread(lines.came.wait, 60)

    watch(lines, scenario)

    assert "threading.py" in lines.written[0][2]["code"]


def test_watch_ends_with_the_loop(lines):
    async def scenario():
        await asyncio.sleep(0)

    watch(lines, scenario)

    deadline = time.monotonic() + 30
    while any(each.name == "obskit-loop" for each in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
