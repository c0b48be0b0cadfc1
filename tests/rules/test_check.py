from obskit.rules import check_alerts, check_config, coverage, inhibition_tests, routing_tests, unit_files


def test_the_shipped_alerts_have_no_finding():
    assert [str(finding) for finding in check_alerts()] == []


def test_every_alert_is_covered():
    covered = coverage(unit_files())

    assert len(covered) >= 30
    assert [one for one in covered if not one.is_enough] == []


def test_every_row_of_the_routing_table_holds():
    outcomes = [check_config(), *routing_tests()]

    assert len(outcomes) >= 10
    assert [one for one in outcomes if not one.passed] == []


def test_every_inhibition_holds_in_a_running_alertmanager():
    assert [one for one in inhibition_tests() if not one.passed] == []
