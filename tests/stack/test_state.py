import pytest

from obskit.stack import Identity, Probe, ProcessRecord, StackRecord
from obskit.stack._state import read_record

RECORD = StackRecord(
    phase="running",
    supervisor=ProcessRecord(name="supervisor", state="ready", process=Identity(1, "boot/1"), started_at=1.5),
    processes=(
        ProcessRecord(
            name="orders",
            state="restarting",
            ready=Probe(8102, "/readyz"),
            port=8102,
            restarts=2,
            last_exit="killed by SIGKILL",
            output="Traceback",
        ),
    ),
    ports={"orders": 8102},
    time_scale=1.0,
)


def test_state_is_read_as_it_was_written(tmp_path):
    (tmp_path / "stack.json").write_bytes(RECORD.to_json())

    assert read_record(tmp_path / "stack.json") == RECORD


@pytest.mark.parametrize("content", ["", "{", "null", "[]", "{}", '{"phase": "running", "supervisor": 1}'])
def test_state_that_cannot_be_read_is_none(tmp_path, content):
    (tmp_path / "stack.json").write_text(content)

    assert read_record(tmp_path / "stack.json") is None


def test_no_state_is_none(tmp_path):
    assert read_record(tmp_path / "stack.json") is None
