import json
import os
import signal
import threading
from collections import Counter

import pytest

from obskit.config import Settings
from obskit.logging import LogPipe, _writer

START = """
import os, sys, threading
from obskit.config import Settings
from obskit.logging import LogPipe, configure, get_logger
pipe = LogPipe(Settings.load({"service": "orders", "log_format": os.environ.get("FORMAT", "json")}))
pipe.start()
configure(pipe)
"""


@pytest.fixture
def file_lines(tmp_path, lines_of):
    """Give the lines of all files in the log directory, by file name."""

    def read():
        return {path.name: lines_of(path.read_text()) for path in sorted((tmp_path / "logs").iterdir())}

    return read


def test_many_threads_lose_and_mix_nothing(make_pipe, read_lines):
    pipe = make_pipe()

    def work(worker):
        for number in range(300):
            pipe.emit("info", "worked", {"worker": worker, "number": number})

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = read_lines(pipe)
    assert len(lines) == pipe.written["info"] == 2400
    for worker in range(8):
        assert [line["number"] for line in lines if line["worker"] == worker] == list(range(300))


def test_a_full_queue_drops_and_counts(tmp_path, monkeypatch, read_lines):
    monkeypatch.setattr(_writer, "QUEUE_LINES", 10)
    pipe = LogPipe(
        Settings.load({"service": "orders", "log_dir": tmp_path / "logs", "log_format": "none"}, environ={})
    )
    for number in range(25):
        pipe.emit("info", "order.created", {"number": number})
    assert pipe.dropped["queue_full"] == 15
    pipe.start()
    assert [line["number"] for line in read_lines(pipe)] == list(range(10))
    pipe.emit("info", "order.created", {"number": 25})
    assert len(read_lines(pipe)) == 11
    pipe.close(5.0)


def test_a_queue_of_too_many_bytes_drops_and_counts(tmp_path, monkeypatch, read_lines):
    monkeypatch.setattr(_writer, "QUEUE_BYTES", 10_000)
    pipe = LogPipe(
        Settings.load({"service": "orders", "log_dir": tmp_path / "logs", "log_format": "none"}, environ={})
    )
    for _ in range(10):
        pipe.emit("info", "order.created", {"body": "x" * 4000})
    assert pipe.dropped["queue_full"] == 7
    pipe.start()
    assert len(read_lines(pipe)) == 3
    pipe.emit("info", "order.created", {})
    assert len(read_lines(pipe)) == 4
    pipe.close(5.0)


def test_an_error_does_not_wait_for_company(make_pipe, tmp_path, monkeypatch, wait_for):
    monkeypatch.setattr(_writer, "_GATHER_S", 3600.0)
    pipe = make_pipe()
    pipe.emit("info", "before", {})
    pipe.emit("error", "order.failed", {})
    wait_for(lambda: pipe.written["error"], "the error is written")
    (path,) = (tmp_path / "logs").iterdir()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["before", "order.failed"]


def test_logging_in_a_signal_handler_does_not_hang(make_pipe, read_lines):
    pipe = make_pipe()
    handled = 0

    def handler(*_):
        nonlocal handled
        handled += 1
        pipe.emit("info", "interrupted", {})

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for number in range(5000):
            pipe.emit("info", "worked", {"number": number})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    counts = Counter(line["event"] for line in read_lines(pipe))
    assert counts == {"worked": 5000, "interrupted": handled}
    assert handled


def test_close_gives_up_at_its_deadline_and_counts_what_is_left(make_pipe, monkeypatch, tmp_path, wait_for):
    monkeypatch.setattr(_writer, "_BATCH_LINES", 100)
    path = tmp_path / "logs" / f"orders.{os.getpid()}.jsonl"
    path.parent.mkdir()
    os.mkfifo(path)  # a disk that hangs: it takes 64 KB and then no more
    pipe = make_pipe()
    for number in range(3000):
        pipe.emit("info", "order.created", {"number": number})
    pipe.close(0.2)
    assert 0 < pipe.dropped["shutdown"] < 3000
    pipe.emit("info", "later", {})
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stuck:
        wait_for(
            lambda: stuck.read1(100_000) and pipe.written["info"] == 3001, "the hanging disk took everything"
        )


def test_nothing_is_lost_at_exit(run_python, file_lines, lines_of):
    result = run_python(START + "for number in range(500): get_logger().info('worked', number=number)\n")
    assert result.stderr == ""
    (lines,) = file_lines().values()
    assert [line["number"] for line in lines] == list(range(500))
    assert lines_of(result.stdout) == lines


def test_what_exit_handlers_log_is_written(run_python, lines_of):
    result = run_python(
        "import atexit\natexit.register(lambda: get_logger().info('last'))\n"
        + START
        + "get_logger().info('first')\n"
    )
    assert [line["event"] for line in lines_of(result.stdout)] == ["first", "last"]


def test_a_forked_child_has_its_own_file_and_no_lines_of_its_parent(run_python, file_lines, lines_of):
    script = """
log = get_logger()
for number in range(50): log.info("parent.before", number=number)
child = os.fork()
for number in range(50): log.info("child" if child == 0 else "parent.after", number=number)
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print(child, file=sys.stderr)
"""
    result = run_python(START + script)
    files = file_lines()
    child = files.pop(f"orders.{result.stderr.strip()}.jsonl")
    (parent,) = files.values()
    assert Counter(line["event"] for line in child) == {"child": 50}
    assert Counter(line["event"] for line in parent) == {"parent.before": 50, "parent.after": 50}
    assert Counter(line["event"] for line in lines_of(result.stdout)) == {
        "parent.before": 50,
        "parent.after": 50,
        "child": 50,
    }


def test_lines_before_start_belong_to_the_parent_only(run_python, lines_of):
    script = START.replace("pipe.start()", "")
    script += """
get_logger().info("early")
child = os.fork()
pipe.start()
if child: os.waitpid(child, 0)
else: get_logger().info("child")
"""
    result = run_python(script)
    assert sorted(line["event"] for line in lines_of(result.stdout)) == ["child", "early"]


def test_a_fork_among_busy_threads_does_not_hang(run_python, lines_of):
    script = """
log, stop = get_logger(), threading.Event()
def work():
    while not stop.wait(0.0005): log.info("worked")
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
children = []
for number in range(10):
    child = os.fork()
    if child == 0:
        log.info("child", number=number)
        pipe.close(5)
        os._exit(0)
    children.append(child)
stop.set()
for child in children: assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    result = run_python(START + script)
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(line["number"] for line in lines_of(result.stdout) if line["event"] == "child") == list(
        range(10)
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_multiprocessing_child_writes_what_it_logged_last(run_python, lines_of, method):
    script = f"""
import multiprocessing
def work(): get_logger().info("worked")
if __name__ == "__main__":
    process = multiprocessing.get_context("{method}").Process(target=work)
    process.start()
    process.join()
"""
    result = run_python(START + script)
    assert [line["event"] for line in lines_of(result.stdout)] == ["worked"]


def test_a_stalled_stdout_does_not_hold_up_the_file(run_python, file_lines):
    reading, writing = os.pipe()
    try:
        result = run_python(
            START + "for number in range(2000): get_logger().info('worked', number=number)\n", stdout=writing
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")
    (lines,) = file_lines().values()
    assert [line["number"] for line in lines] == list(range(2000))


def test_a_broken_stdout_does_not_stop_the_process(run_python, file_lines):
    reading, writing = os.pipe()
    os.close(reading)
    script = "get_logger().info('worked')\npipe.flush(5)\nprint(pipe.dropped['sink_failed'], pipe.written['info'], file=sys.stderr)\n"
    try:
        result = run_python(START + script, stdout=writing)
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr.split()) == (0, ["1", "1"])
    (lines,) = file_lines().values()
    assert [line["event"] for line in lines] == ["worked"]


def test_a_process_without_stdout_logs_to_its_file(run_python, file_lines):
    script = "import os, sys\nos.close(1)\nos.execve(sys.executable, [sys.executable, '-c', os.environ['CODE']], os.environ)\n"
    result = run_python(script, CODE=START + "get_logger().info('worked')")
    assert (result.returncode, result.stderr) == (0, "")
    (lines,) = file_lines().values()
    assert [line["event"] for line in lines] == ["worked"]
