import json
import sys

import pytest

from obskit.logging._exceptions import describe, error_of, was_logged


class BrokenError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def throw(error):
    raise error


def raised(error, cause=None):
    with pytest.raises(type(error)):
        throw(error)
    if cause is not None:
        error.__cause__ = cause
    return error


def test_names_type_message_and_stacktrace():
    node = describe(raised(ValueError("bad sku")))
    assert (node["type"], node["message"], node["cause"]) == ("ValueError", "bad sku", None)
    assert node["stacktrace"].startswith("Traceback (most recent call last):\n  File ")
    assert node["stacktrace"].endswith("ValueError: bad sku\n")


def test_types_outside_builtins_carry_their_module():
    assert describe(json.JSONDecodeError("x", "y", 0))["type"] == "json.decoder.JSONDecodeError"


def test_an_exception_that_was_never_raised_has_no_frames():
    assert describe(ValueError("x"))["stacktrace"] == "ValueError: x\n"


def test_nests_named_causes():
    node = describe(raised(ValueError("outer"), cause=raised(KeyError("inner"))))
    assert (node["cause"]["type"], node["cause"]["message"]) == ("KeyError", "'inner'")
    assert "inner" not in node["stacktrace"]


def test_takes_what_was_being_handled_as_the_cause():
    error = raised(ValueError("second"))
    error.__context__ = raised(KeyError("first"))
    assert describe(error)["cause"]["message"] == "'first'"


def test_from_none_hides_what_was_being_handled():
    error = raised(ValueError("second"))
    error.__context__ = raised(KeyError("first"))
    error.__suppress_context__ = True
    assert describe(error)["cause"] is None


def test_cycles_end():
    first, second = raised(ValueError("a")), raised(ValueError("b"))
    first.__cause__, second.__cause__ = second, first
    node = describe(first)
    assert node["cause"]["message"] == "b"
    assert node["cause"]["cause"] is None


def test_a_long_chain_is_cut():
    error = raised(ValueError(0))
    for number in range(1, 50):
        error = raised(ValueError(number), cause=error)
    node, depth = describe(error), 0
    while node is not None:
        node, depth = node["cause"], depth + 1
    assert depth == 10


def test_endless_recursion_keeps_the_innermost_frames():
    def dig(depth):
        return dig(depth + 1)

    with pytest.raises(RecursionError) as caught:
        dig(0)
    assert len(describe(caught.value)["stacktrace"]) < 20_000


def test_groups_list_their_members():
    group = ExceptionGroup("many", [raised(ValueError("a")), ExceptionGroup("few", [raised(KeyError("b"))])])
    node = describe(raised(group))
    assert [member["type"] for member in node["exceptions"]] == ["ValueError", "ExceptionGroup"]
    assert node["exceptions"][1]["exceptions"][0]["message"] == "'b'"


def test_survives_an_exception_without_a_text():
    assert describe(raised(BrokenError()))["message"] == "<exception str() failed>"


def test_notes_are_part_of_the_stacktrace():
    error = ValueError("x")
    error.add_note("while packing")
    assert "while packing" in describe(error)["stacktrace"]


def test_remembers_what_was_logged():
    error = ValueError("x")
    assert not was_logged(error)
    describe(error)
    assert was_logged(error)
    assert not was_logged(None)


def test_understands_every_form_of_exc_info():
    error = raised(ValueError("x"))
    assert error_of(error) is error
    assert error_of((type(error), error, None)) is error
    assert error_of(None) is error_of(False) is error_of((None, None, None)) is error_of(True) is None
    try:
        throw(error)
    except ValueError:
        assert error_of(True) is error
        assert error_of(sys.exc_info()) is error


def test_a_line_carries_the_exception_as_an_object(make_pipe, read_lines):
    pipe = make_pipe()
    pipe.emit(
        "error",
        "order.failed",
        {"exc_info": raised(ValueError("password=hunter2"), cause=KeyError("k")), "n": 1},
    )
    (line,) = read_lines(pipe)
    assert list(line)[-2:] == ["n", "exception"]
    assert line["exception"]["message"] == "password=[redacted]"
    assert "hunter2" not in json.dumps(line)
    assert line["exception"]["cause"]["type"] == "KeyError"


def test_a_field_called_exception_does_not_pass_for_one(make_pipe, read_lines):
    pipe = make_pipe()
    pipe.emit("error", "order.failed", {"exception": "text"})
    (line,) = read_lines(pipe)
    assert "exception" not in line
    assert line["field_exception"] == "text"
