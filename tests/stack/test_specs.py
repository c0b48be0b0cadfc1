import pytest

from obskit.errors import StackError
from obskit.stack import Identity, Plan, Probe, ProcessSpec

PLAN = Plan(
    processes=(
        ProcessSpec(name="keeper", argv=("/bin/true",)),
        ProcessSpec(
            name="orders",
            argv=("/bin/python", "-m", "uvicorn"),
            env={"A": "b"},
            ports={"orders": 8102},
            ready=Probe(8102, "/readyz"),
            after=("nats",),
            at_first_after=("pager",),
            url="http://127.0.0.1:8102",
            stop_grace_s=3.5,
        ),
    ),
    ports={"orders": 8102},
    time_scale=30.0,
    owner=Identity(1, "boot/123"),
)


def test_plan_is_read_as_it_was_written(tmp_path):
    PLAN.write(tmp_path / "plan.json")

    assert Plan.read(tmp_path / "plan.json") == PLAN


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"processes": [{"name": 1}]}'])
def test_plan_that_cannot_be_read_names_the_fix(tmp_path, content):
    (tmp_path / "plan.json").write_text(content)

    with pytest.raises(StackError, match="cannot be read") as caught:
        Plan.read(tmp_path / "plan.json")

    assert caught.value.fix == "obskit down, then obskit up"
