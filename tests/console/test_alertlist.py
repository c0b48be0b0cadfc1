from obskit.console._alertlist import alert_list, alerts_of


def rule(name, *alerts, severity="page"):
    return {"name": name, "state": "firing", "labels": {"severity": severity}, "alerts": list(alerts)}


def alert(summary, window="1h", **annotations):
    return {
        "state": "firing",
        "activeAt": "2026-11-22T10:13:32.033123456Z",
        "labels": {"service_name": "gateway", "long_window": window, "severity": "page"},
        "annotations": {"summary": summary, **annotations},
    }


def test_the_windows_of_one_alert_are_one_row():
    (found,) = alerts_of([rule("Burn", alert("it burns", "1h")), rule("Burn", alert("it burns", "6h"))])

    assert found.alert["labels"]["long_window"] == "1h"
    assert found.others == ("6h",)


def test_the_heartbeat_is_no_alert():
    assert alerts_of([rule("Watchdog", alert("alive"), severity="none")]) == []


def test_texts_are_escaped_and_addresses_of_scripts_are_no_links():
    drawn = alert_list([rule("A", alert("<script>", runbook_url="javascript:alert(1)"))])

    assert "<script>" not in drawn
    assert "href" not in drawn


def test_boards_open_here_whatever_address_the_alert_names():
    drawn = alert_list(
        [rule("A", alert("x", dashboard_url="http://127.0.0.1:3000/d/obskit-service?var-service=a"))]
    )

    assert 'href="/d/obskit-service?var-service=a"' in drawn


def test_nothing_says_so():
    assert "Nothing fires" in alert_list([])
