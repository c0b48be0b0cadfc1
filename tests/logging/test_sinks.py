import json
import os
import pty
import threading

import pytest

from obskit.config import Settings
from obskit.logging._sinks import FileSink, StdoutSink


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_sink(tmp_path, clock):
    def make(**settings):
        return FileSink(
            Settings.load({"service": "orders", "log_dir": tmp_path, **settings}, environ={}), clock
        )

    return make


def numbered(first, last):
    return [f'{{"number":{number:06d}}}\n'.replace(":0", ":1").encode() for number in range(first, last)]


def test_the_file_is_named_by_service_and_process(make_sink, tmp_path):
    assert make_sink().write([b"{}\n"]) == 0
    assert (tmp_path / f"orders.{os.getpid()}.jsonl").read_bytes() == b"{}\n"


def test_a_service_name_cannot_leave_the_directory(make_sink, tmp_path):
    make_sink(service="../shop orders").write([b"{}\n"])
    assert [path.name for path in tmp_path.iterdir()] == [f".._shop_orders.{os.getpid()}.jsonl"]


def test_goes_on_where_a_process_with_this_pid_died_in_a_line(make_sink):
    make_sink().path.write_bytes(b'{"a":1}\n{"half')
    make_sink().write([b"{}\n"])
    assert make_sink().path.read_bytes() == b'{"a":1}\n{"half\n{}\n'


def test_rotates_by_size_and_keeps_so_many(make_sink, tmp_path):
    sink = make_sink(log_max_bytes=10_000, log_backups=2)
    lines = numbered(0, 2000)
    for start in range(0, 2000, 100):
        assert sink.write(lines[start : start + 100]) == 0
    name = sink.path.name
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, f"{name}.1", f"{name}.2"]
    kept = b"".join((tmp_path / file).read_bytes() for file in (f"{name}.2", f"{name}.1", name))
    assert kept == b"".join(lines)[-len(kept) :]
    assert all(9_000 < (tmp_path / f"{name}.{number}").stat().st_size <= 10_000 for number in (1, 2))


def test_rotates_between_the_lines_of_one_write(make_sink, tmp_path):
    sink = make_sink(log_max_bytes=10_000, log_backups=9)
    lines = numbered(0, 2000)
    assert sink.write(lines) == 0
    files = sorted(
        tmp_path.iterdir(), key=lambda path: -int(path.suffix[1:]) if path.suffix != ".jsonl" else 0
    )
    assert b"".join(path.read_bytes() for path in files) == b"".join(lines)
    assert all(path.stat().st_size <= 10_000 for path in files)


def test_a_line_longer_than_the_limit_has_a_file_of_its_own(make_sink, tmp_path):
    sink = make_sink(log_max_bytes=10_000)
    big = b"x" * 20_000 + b"\n"
    assert sink.write([b"{}\n", big, b"{}\n"]) == 0
    assert (tmp_path / f"{sink.path.name}.1").read_bytes() == big
    assert sink.path.read_bytes() == b"{}\n"


def test_a_full_disk_costs_the_lines_of_the_moment_and_no_more(make_sink, clock):
    sink = make_sink()
    sink.path.symlink_to("/dev/full")
    assert sink.write([b"{}\n"] * 3) == 3
    sink.path.unlink()
    assert sink.write([b"{}\n"]) == 1, "it is not asked again at once"
    clock.now += 1.5
    assert sink.write([b"{}\n"]) == 0
    assert sink.path.read_bytes() == b"{}\n"


def test_a_disk_that_fills_in_a_line_leaves_whole_lines(run_python, tmp_path, lines_of):
    result = run_python(
        """
import os, resource, sys
from obskit.config import Settings
from obskit.logging import LogPipe
pipe = LogPipe(Settings.load({"service": "orders", "log_format": "none"}))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
pipe.start()
for number in range(1000):
    pipe.emit("info", "order.created", {"number": number})
    if number == 20:
        pipe.flush(5)
pipe.close(5)
print(pipe.written["info"], pipe.dropped["sink_failed"])
"""
    )
    assert (result.returncode, result.stderr) == (0, "")
    written, failed = map(int, result.stdout.split())
    (path,) = (tmp_path / "logs").iterdir()
    assert path.stat().st_size <= 20_000
    assert [line["number"] for line in lines_of(path.read_text())] == list(range(written))
    assert 21 <= written < 1000 == written + failed


@pytest.mark.parametrize("how", ["delete", "move"])
def test_makes_a_file_that_was_taken_away_anew(make_sink, clock, tmp_path, how):
    sink = make_sink()
    sink.write([b"1\n"])
    if how == "delete":
        sink.path.unlink()
    else:
        sink.path.rename(tmp_path / "elsewhere")
    clock.now += 1.5
    assert sink.write([b"2\n"]) == 0
    assert sink.path.read_bytes() == b"2\n"


def test_a_directory_that_is_gone_is_a_loss_and_not_an_error(make_sink, tmp_path, clock):
    sink = make_sink()
    sink.write([b"1\n"])
    sink.path.unlink()
    tmp_path.rmdir()
    clock.now += 1.5
    assert sink.write([b"2\n"]) == 1
    tmp_path.mkdir()
    clock.now += 1.5
    assert sink.write([b"3\n"]) == 0


@pytest.fixture
def pipe_ends():
    reading, writing = os.pipe()
    open_ends = {reading, writing}

    def close(end):
        open_ends.discard(end)
        os.close(end)

    yield reading, writing, close
    for end in open_ends:
        os.close(end)


@pytest.fixture
def stdout_sink(pipe_ends):
    with os.fdopen(pipe_ends[1], "w", closefd=False) as stream:
        yield StdoutSink(stream)


def test_stdout_takes_more_than_a_pipe_holds_while_somebody_reads(stdout_sink, pipe_ends):
    lines = numbered(0, 50_000)
    got = []

    def read():
        while sum(map(len, got)) < sum(map(len, lines)):
            got.append(os.read(pipe_ends[0], 10_000))

    reader = threading.Thread(target=read)
    reader.start()
    assert stdout_sink.write(lines) == 0
    reader.join()
    assert b"".join(got) == b"".join(lines)


def test_a_reader_that_stalls_loses_whole_lines(stdout_sink, pipe_ends):
    lines = numbered(0, 10_000)
    lost = stdout_sink.write(lines)
    assert 0 < lost < 10_000
    assert stdout_sink.write(numbered(10_000, 10_005)) == 5
    got = os.read(pipe_ends[0], 1_000_000)
    assert stdout_sink.write(numbered(20_000, 20_005)) == 0
    got += os.read(pipe_ends[0], 1_000_000)
    expected = [*lines[: 10_000 - lost], *numbered(20_000, 20_005)]
    assert got == b"".join(expected)


def test_a_reader_that_is_gone_is_a_loss_and_not_an_error(stdout_sink, pipe_ends):
    reading, _, close = pipe_ends
    close(reading)
    assert stdout_sink.write([b"1\n", b"2\n"]) == 2


def test_a_terminal_takes_lines():
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stream:
        assert StdoutSink(stream).write([b"1\n", b"2\n"]) == 0
        assert os.read(master, 100) == b"1\r\n2\r\n"
    os.close(master)


def test_a_stream_without_a_descriptor_takes_text(capsys):
    import sys

    sink = StdoutSink(sys.stdout)
    assert sink.write(['{"event":"café"}\n'.encode()]) == 0
    assert json.loads(capsys.readouterr().out) == {"event": "café"}


def test_a_closed_stream_is_a_loss_and_not_an_error(tmp_path):
    import io

    stream = io.StringIO()
    sink = StdoutSink(stream)
    stream.close()
    assert sink.write([b"1\n"]) == 1
