"""Real files in a real folder: each whole line is stored once."""

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from obskit.embedded.logs import Retention
from obskit.embedded.logs._reader import reading
from obskit.embedded.logs._store import Store
from obskit.embedded.logs._tailer import MAX_LINE_BYTES, Tailer
from obskit.embedded.logs.logql import Deadline, Wanted

AT = "2026-11-22T10:00:00.000001Z"
AT_NS = int(datetime(2026, 11, 22, 10, tzinfo=UTC).timestamp()) * 10**9 + 1_000


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "logs"
    path.mkdir()
    return path


class Tailed:
    """A tailer that reads when it is told to."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder
        self.open()

    def open(self) -> None:
        self.store = Store(self.path, Retention())
        self.tailer = Tailer(self.store, self.folder)

    def close(self) -> None:
        self.tailer.close()
        self.store.close()

    def again(self) -> None:
        self.close()
        self.open()

    def read(self) -> None:
        while self.tailer.poll():
            pass

    def rows(self) -> list[tuple[dict, int, str, str | None]]:
        with reading(self.path, Deadline(20)) as reader:
            found = [
                (dict(stream.labels), *row)
                for stream in reader.streams([])
                for row in reader.rows(stream, Wanted(-(2**63), 2**63 - 1))
            ]
        return sorted(found, key=lambda row: row[1])

    def texts(self) -> list[str]:
        self.read()
        return [row[2] for row in self.rows()]


@pytest.fixture
def tailed(tmp_path, folder):
    one = Tailed(tmp_path / "logs.db", folder)
    yield one
    one.close()


def line(number: int = 0, **fields) -> str:
    known = {
        "timestamp": f"2026-11-22T10:00:00.{number:06}Z",
        "level": "info",
        "event": "a.b",
        "service": "orders",
    }
    return json.dumps({**known, "environment": "demo", "n": number, **fields})


def test_reads_labels_and_metadata_of_a_line(tailed, folder):
    text = line(1, trace_id="t1", span_id="s1")
    (folder / "orders.1.jsonl").write_text(text + "\n")
    tailed.read()
    labels = {"service_name": "orders", "environment": "demo", "level": "info"}
    assert tailed.rows() == [(labels, AT_NS, text, '{"trace_id":"t1","span_id":"s1"}')]


@pytest.mark.parametrize("text", ["plain text", "[1]", '{"no": "labels"}', '{"level": 5, "service": null}'])
def test_a_line_without_labels_gets_them_from_the_file(tailed, folder, text):
    (folder / "orders.1.jsonl").write_text(text + "\n")
    tailed.read()
    ((labels, _, stored, _),) = tailed.rows()
    assert (labels, stored) == (
        {"service_name": "orders", "environment": "unknown", "level": "unknown"},
        text,
    )


def test_a_partial_line_waits_for_its_end(tailed, folder):
    path = folder / "orders.1.jsonl"
    path.write_text(line(1)[:20])
    assert tailed.texts() == []
    with path.open("a") as file:
        file.write(line(1)[20:])
    assert tailed.texts() == []
    with path.open("a") as file:
        file.write("\n" + line(2) + "\n")
    assert tailed.texts() == [line(1), line(2)]


def test_goes_on_where_it_was_after_a_restart(tailed, folder):
    path = folder / "orders.1.jsonl"
    path.write_text(line(1) + "\n")
    tailed.read()
    tailed.again()
    with path.open("a") as file:
        file.write(line(2) + "\n")
    assert tailed.texts() == [line(1), line(2)]


def test_reads_rotated_files_to_their_end(tailed, folder):
    path = folder / "orders.1.jsonl"
    path.write_text(line(1) + "\n")
    tailed.read()
    with path.open("a") as file:
        file.write(line(2) + "\n")
    path.rename(folder / "orders.1.jsonl.1")
    path.write_text(line(3) + "\n")
    assert tailed.texts() == [line(1), line(2), line(3)]
    (folder / "orders.1.jsonl.1").rename(folder / "orders.1.jsonl.2")
    path.rename(folder / "orders.1.jsonl.1")
    path.write_text(line(4) + "\n")
    assert tailed.texts() == [line(1), line(2), line(3), line(4)]


def test_reads_what_was_rotated_while_it_was_down(tailed, folder):
    path = folder / "orders.1.jsonl"
    path.write_text(line(1) + "\n")
    tailed.read()
    tailed.close()
    with path.open("a") as file:
        file.write(line(2) + "\n")
    path.rename(folder / "orders.1.jsonl.2")
    (folder / "orders.1.jsonl.1").write_text(line(3) + "\n")
    path.write_text(line(4) + "\n")
    tailed.open()
    assert tailed.texts() == [line(1), line(2), line(3), line(4)]


def test_reads_a_removed_file_to_its_end(tailed, folder):
    path = folder / "orders.1.jsonl"
    path.write_text(line(1) + "\n")
    tailed.read()
    with path.open("a") as file:
        file.write(line(2) + "\n")
    path.unlink()
    assert tailed.texts() == [line(1), line(2)]
    for _ in range(20):
        tailed.tailer.poll()
    assert tailed.store.files() == []


def test_reads_a_file_anew_that_was_cut(tailed, folder):
    path = folder / "orders.1.jsonl"
    path.write_text(line(1) + "\n" + line(2) + "\n")
    tailed.read()
    path.write_text(line(3) + "\n")  # the same file, shorter
    assert tailed.texts() == [line(1), line(2), line(3)]


def test_reads_a_file_anew_that_was_cut_and_has_grown_again(tailed, folder):
    path = folder / "orders.1.jsonl"
    path.write_text(line(1) + "\n")
    tailed.read()
    path.write_text("".join(line(number) + "\n" for number in (2, 3, 4)))
    assert tailed.texts() == [line(1), line(2), line(3), line(4)]


def test_a_used_inode_is_another_file(tailed, folder):
    path = folder / "orders.1.jsonl"
    path.write_text(line(1) + "\n")
    tailed.read()
    tailed.close()
    inode = path.stat().st_ino
    path.unlink()
    other = folder / "inventory.2.jsonl"
    other.write_text(line(2, service="inventory") + "\n" + line(3) + "\n")
    if other.stat().st_ino != inode:  # this file system did not use it again: act as if
        import sqlite3

        with sqlite3.connect(tailed.path) as database:
            database.execute("UPDATE files SET inode = ?", (other.stat().st_ino,))
    tailed.open()
    assert tailed.texts() == [line(1), line(2, service="inventory"), line(3)]


def test_invalid_utf8_is_replaced(tailed, folder):
    (folder / "orders.1.jsonl").write_bytes(b"caf\xe9 \xff\n" + line(1).encode() + b"\n")
    assert sorted(tailed.texts()) == sorted(["caf\ufffd \ufffd", line(1)])


def test_invalid_utf8_does_not_cost_the_labels(tailed, folder):
    raw = line(1).encode().replace(b"a.b", b"caf\xe9")
    (folder / "orders.1.jsonl").write_bytes(raw + b"\n")
    tailed.read()
    ((labels, ts, text, _),) = tailed.rows()
    assert (labels["level"], ts, "caf\ufffd" in text) == ("info", AT_NS, True)


def test_a_line_of_a_megabyte_is_whole(tailed, folder):
    long = line(1, text="x" * 1_100_000)
    (folder / "orders.1.jsonl").write_text(line(0) + "\n" + long + "\n" + line(2) + "\n")
    assert tailed.texts() == [line(0), long, line(2)]


def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole(tailed, folder):
    path = folder / "orders.1.jsonl"
    with path.open("w") as file:
        file.write("x" * (MAX_LINE_BYTES + 3_000_000))
    tailed.read()
    tailed.again()
    with path.open("a") as file:
        file.write("y" * 10 + "\n" + line(2) + "\n")
    assert sorted(map(len, tailed.texts())) == sorted([MAX_LINE_BYTES, len(line(2))])


@pytest.mark.parametrize(
    ("timestamp", "ns"),
    [
        ("2026-11-22T11:00:00.000001+01:00", AT_NS),
        ("2026-11-22T10:00:00.000001", AT_NS),
        ("1969-12-31T23:59:59Z", -1_000_000_000),
        ("2026-11-22T10:00:00.000001000Z", AT_NS),
        ("9999-12-31T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("soon", None),
        (5, None),
    ],
)
def test_takes_the_time_of_the_line_however_the_clock_jumps(tailed, folder, timestamp, ns):
    (folder / "orders.1.jsonl").write_text(line(0, timestamp=timestamp) + "\n")
    before = datetime.now(UTC).timestamp() * 1e9 - 1e9
    tailed.read()
    ((_, ts, _, _),) = tailed.rows()
    if ns is None:
        assert ts >= before  # when it was read
    else:
        assert ts == ns


def test_blank_lines_and_carriage_returns_are_nothing(tailed, folder):
    (folder / "orders.1.jsonl").write_bytes(b"\n  \n" + line(1).encode() + b"\r\n\n")
    assert tailed.texts() == [line(1)]


def test_equal_lines_are_all_kept(tailed, folder):
    (folder / "orders.1.jsonl").write_text((line(1) + "\n") * 3)
    assert tailed.texts() == [line(1)] * 3


def test_other_files_are_left_alone(tailed, folder):
    (folder / "notes.txt").write_text(line(1) + "\n")
    (folder / "orders.1.jsonl.gz").write_text(line(2) + "\n")
    (folder / "folder.jsonl").mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "orders.2.jsonl").write_text(line(3) + "\n")
    assert tailed.texts() == [line(3)]


def test_a_folder_may_come_later(tmp_path):
    tailed = Tailed(tmp_path / "logs.db", tmp_path / "later")
    assert tailed.texts() == []
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a.1.jsonl").write_text(line(1) + "\n")
    assert tailed.texts() == [line(1)]
    tailed.close()


def test_more_than_a_chunk_is_read_without_growing_again(tailed, folder):
    lines = [line(number, pad="x" * 900) for number in range(3_000)]
    (folder / "orders.1.jsonl").write_text("\n".join(lines) + "\n")
    assert tailed.texts() == lines


def test_many_services_share_a_folder(tailed, folder):
    for number in range(30):
        (folder / f"s{number}.{number}.jsonl").write_text(line(number, service=f"s{number}") + "\n")
    assert len(tailed.texts()) == 30
    assert {row[0]["service_name"] for row in tailed.rows()} == {f"s{number}" for number in range(30)}


def test_too_many_streams_share_one(tailed, folder, monkeypatch):
    monkeypatch.setattr("obskit.embedded.logs._store.MAX_STREAMS", 5)
    lines = [line(number, service=f"s{number}") for number in range(20)]
    (folder / "a.1.jsonl").write_text("\n".join(lines) + "\n")
    assert tailed.texts() == lines
    assert {"service_name": "_OVERFLOW", "environment": "_OVERFLOW", "level": "_OVERFLOW"} in [
        row[0] for row in tailed.rows()
    ]


def test_follows_a_writer_that_rotates(serve, folder, wait_for):
    store = serve(log_dir=folder)
    path, count = folder / "orders.1.jsonl", 20_000

    def write() -> None:
        file = path.open("a")
        for number in range(count):
            file.write(line(number % 1_000_000) + "\n")
            if number % 1_500 == 1_499:
                file.close()
                for old in (2, 1):
                    older = folder / f"orders.1.jsonl.{old}"
                    if older.exists():
                        older.rename(folder / f"orders.1.jsonl.{old + 1}")
                path.rename(folder / "orders.1.jsonl.1")
                file = path.open("a")
                if number % 4_500 == 4_499:
                    wait_for(lambda least=number - 3_000: stored() > least, "the tailer follows")
        file.close()

    def stored() -> int:
        with reading(store.backend.store.path, Deadline(20)) as reader:
            return sum(1 for stream in reader.streams([]) for _ in reader.rows(stream, Wanted(0, 2**63 - 1)))

    writer = threading.Thread(target=write)
    writer.start()
    writer.join(60)
    wait_for(lambda: stored() >= count, "every line is stored")
    with reading(store.backend.store.path, Deadline(20)) as reader:
        (stream,) = reader.streams([])
        numbers = [json.loads(row[1])["n"] for row in reader.rows(stream, Wanted(0, 2**63 - 1))]
    assert numbers == list(range(count))
