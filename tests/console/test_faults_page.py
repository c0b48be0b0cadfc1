import pytest

from obskit._faults import Fault
from obskit.console._faults_page import group_of, matches


@pytest.mark.parametrize(
    ("row", "group"),
    [
        ({"service": "inventory"}, "inventory"),
        ({"service": "inventory", "acts": "load"}, "By load"),
        ({"acts": "stack"}, "By the stack"),
    ],
)
def test_faults_stand_under_what_they_break(row, group):
    assert group_of(Fault({"id": "x", **row})) == group


@pytest.mark.parametrize(
    ("text", "is_found"), [("", True), ("SLOW stock", True), ("orders", False), ("burn", True)]
)
def test_a_fault_is_found_by_any_words_that_are_said_of_it(text, is_found):
    row = {"id": "inventory-slow", "sentence": "Takes longer to reserve stock.", "alert": "LatencyBudgetBurn"}

    assert matches(Fault(row), text) == is_found
