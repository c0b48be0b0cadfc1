import os

import orjson

from obskit.stack._logs import cap, excerpt, open_log, prune

CHAIN = """\
INFO:     Started server process [1]
Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'sku'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "b.py", line 2, in <module>
ValueError: no such article
"""


def test_excerpt_is_the_traceback_with_its_causes(tmp_path):
    log = tmp_path / "orders.log"
    log.write_text("Traceback (most recent call last):\nOSError: an older one\nfine again\n" + CHAIN)

    text = excerpt(log)

    assert text.startswith("Traceback")
    assert "KeyError: 'sku'" in text
    assert text.endswith("ValueError: no such article")
    assert "an older one" not in text


def test_excerpt_is_the_stack_trace_of_a_json_line(tmp_path):
    log = tmp_path / "orders.log"
    stack = "Traceback (most recent call last):\n  File x\nRuntimeError: boom"
    line = orjson.dumps(
        {"event": "startup.failed", "exception": {"type": "RuntimeError", "stacktrace": stack}}
    )
    log.write_bytes(b'{"event": "obskit.started"}\n' + line + b'\n{"event": "uvicorn.error"}\n')

    assert excerpt(log) == stack


def test_excerpt_without_a_traceback_is_the_last_lines(tmp_path):
    log = tmp_path / "nats.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))

    assert excerpt(log).splitlines() == [f"line {number}" for number in range(80, 100)]


def test_excerpt_starts_at_the_last_start(tmp_path):
    log = tmp_path / "orders.log"
    log.write_text(CHAIN)
    offset = log.stat().st_size
    with log.open("a") as file:
        file.write("address already in use\n")

    assert excerpt(log, offset) == "address already in use"


def test_excerpt_of_no_log_is_empty(tmp_path):
    assert excerpt(tmp_path / "none.log") == ""


def test_long_log_is_rotated_under_its_writer(tmp_path):
    log = tmp_path / "orders.log"
    descriptor = open_log(log)
    os.write(descriptor, b"x" * 100)

    cap(log, max_bytes=99)
    os.write(descriptor, b"new")
    os.close(descriptor)

    assert log.read_bytes() == b"new"
    assert log.with_name("orders.log.1").read_bytes() == b"x" * 100


def test_prunes_the_oldest_files_but_none_of_a_living_process(tmp_path):
    for age, name in enumerate(("orders.3.jsonl", "orders.2.jsonl", "orders.1.jsonl", "orders.1.jsonl.1")):
        path = tmp_path / name
        path.write_bytes(b"x" * 100)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))

    prune(tmp_path, living=[1], max_bytes=350)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "orders.1.jsonl",
        "orders.1.jsonl.1",
        "orders.3.jsonl",
    ]
