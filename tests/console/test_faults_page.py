from obskit.console._faults_page import Fault, catalogue


def test_the_catalogue_is_the_one_of_the_command_line():
    found = catalogue()

    assert {"inventory-slow", "inventory-errors"} <= {fault.id for fault in found}
    assert all(fault.service and fault.levels for fault in found)


def test_a_row_that_says_little_is_a_fault_all_the_same():
    fault = Fault({"id": "x"})

    assert (fault.id, fault.service, fault.levels, fault.panel) == ("x", "", [100], {})
