"""What nobody catches is one JSON line, and no traceback beside it."""

import pytest

INIT = "import asyncio, obskit, os, sys, threading\nobskit.init(service='crashing')\n"
CASES = {
    "process.crashed": "raise ValueError('main')",
    "thread.crashed": "thread = threading.Thread(target=lambda: [].pop(), name='worker')\nthread.start(); thread.join()",
    "exception.ignored": "class Bad:\n    def __del__(self): raise KeyError('gone')\nBad()",
    "Task exception was never retrieved": (
        "async def main():\n"
        "    async def fail(): raise OSError('task')\n"
        "    asyncio.ensure_future(fail()); await asyncio.sleep(0); await asyncio.sleep(0)\n"
        "asyncio.run(main())"
    ),
}


@pytest.mark.parametrize("event", CASES)
def test_what_nobody_catches_is_one_line(run_python, lines_of, event):
    done = run_python(INIT + CASES[event])
    lines = [line for line in lines_of(done.stdout) if line["event"] != "obskit.started"]
    assert [line["event"].partition("\n")[0] for line in lines] == [event]
    assert lines[0]["exception"]["stacktrace"].startswith("Traceback")
    assert not done.stderr
    assert done.returncode == (event == "process.crashed")


def test_a_crash_that_no_line_would_show_is_printed(run_python):
    done = run_python(
        INIT.replace("'crashing'", "'crashing', log_format='none'") + "raise ValueError('main')",
        OBSKIT_LOG_DIR="",
    )
    assert "ValueError: main" in done.stderr


def test_ctrl_c_is_no_crash(run_python, lines_of):
    done = run_python(INIT + "raise KeyboardInterrupt")
    assert [line["event"] for line in lines_of(done.stdout)] == ["obskit.started"]
