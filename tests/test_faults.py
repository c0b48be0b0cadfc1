from obskit._faults import Fault, catalogue


def test_the_catalogue_is_read_by_id():
    found = catalogue()

    assert {"inventory-slow", "inventory-errors"} <= found.keys()
    assert all(name == fault.id for name, fault in found.items())
    assert all(fault.switched_by and fault.levels and fault.sentence for fault in found.values())


def test_a_row_that_says_little_is_a_fault_all_the_same():
    fault = Fault({"id": "x"})

    assert (fault.id, fault.service, fault.acts, fault.levels, fault.panel) == (
        "x",
        "",
        "service",
        (100,),
        {},
    )


def test_what_acts_beside_the_services_is_switched_by_the_supervisor():
    assert Fault({"id": "x", "service": "gateway"}).switched_by == "gateway"
    assert Fault({"id": "x", "service": "gateway", "acts": "load"}).switched_by == "supervisor"


def test_what_acts_in_a_service_with_replicas_is_switched_at_each():
    assert Fault({"id": "x", "service": "gateway"}).switched_at == ("gateway", "gateway-2")
    assert Fault({"id": "x", "service": "orders"}).switched_at == ("orders",)
    assert Fault({"id": "x", "service": "gateway", "acts": "load"}).switched_at == ("supervisor",)
