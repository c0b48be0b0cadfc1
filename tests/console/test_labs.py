import asyncio
import sys

import pytest

from obskit.console._labs import Labs, LabsError

STUB = """
import json, sys, time
lab = {"name": "a-vs-b", "question": "Which?", "ways": ["a", "b"], "seconds": 12}
if sys.argv[1] == "list":
    print(json.dumps([lab]))
elif "--seconds=2" in sys.argv:
    print("repetition 1 of 1: a", file=sys.stderr, flush=True)
    print(json.dumps({"lab": sys.argv[2], "conclusion": "a is faster."}))
else:
    print("setting up", file=sys.stderr, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def command(tmp_path):
    (tmp_path / "stub.py").write_text(STUB)
    return sys.executable, str(tmp_path / "stub.py")


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what another process says has no event
            await asyncio.sleep(0.02)


def test_the_labs_are_those_that_the_command_lists(command):
    (lab,) = asyncio.run(Labs(command=command).listed())

    assert (lab.name, lab.ways, lab.seconds) == ("a-vs-b", ("a", "b"), 12)


def test_a_run_says_how_far_it_is_and_then_what_came_of_it(command):
    async def scenario():
        labs = Labs(command=command)
        run = await labs.start("a-vs-b", is_quick=True)
        assert labs.running is run
        assert run.share < 1
        await until(lambda: labs.running is None)
        return run

    run = asyncio.run(scenario())

    assert run.lines == ["repetition 1 of 1: a"]
    assert run.result == {"lab": "a-vs-b", "conclusion": "a is faster."}
    assert run.share == 1


def test_a_second_lab_waits_and_a_stopped_one_says_so(command):
    async def scenario():
        labs = Labs(command=command)
        run = await labs.start("a-vs-b")
        with pytest.raises(LabsError, match="two at once would measure each other"):
            await labs.start("a-vs-b")
        await until(lambda: run.lines)
        await labs.stop()
        return labs, run

    labs, run = asyncio.run(scenario())

    assert labs.running is None
    assert run.problem == "It was stopped."


@pytest.mark.parametrize(
    ("text", "said"),
    [("import sys; sys.exit('no module named x')", "no module named x"), ("print('hello')", "no JSON")],
)
def test_labs_that_cannot_be_listed_say_why(tmp_path, text, said):
    (tmp_path / "stub.py").write_text(text)
    labs = Labs(command=(sys.executable, str(tmp_path / "stub.py")))

    with pytest.raises(LabsError, match=said):
        asyncio.run(labs.listed())


def test_a_lab_that_is_not_there_is_refused(command):
    with pytest.raises(LabsError, match="no lab 'x'"):
        asyncio.run(Labs(command=command).start("x"))


def test_a_command_that_is_not_there_is_said():
    with pytest.raises(LabsError, match="cannot be started"):
        asyncio.run(Labs(command=("/nowhere/python",)).listed())


def test_the_labs_of_the_samples_are_listed():
    rows = asyncio.run(Labs().listed())

    assert rows
    assert all(lab.name and lab.question and len(lab.ways) > 1 and lab.seconds for lab in rows)
