"""Change events: PagerDuty's Change Events API v2, shown beside the incidents that they may have caused."""

import pytest

KEY = "0123456789abcdef0123456789abcdef"


def change(summary="Deployed orders 1.4.2", source="ci", **more):
    return {"routing_key": KEY, "payload": {"summary": summary, "source": source, **more}}


def post(served, body):
    return served.client.post("/v2/change/enqueue", json=body)


def test_takes_a_change_as_pagerduty_does(serve):
    served = serve()
    body = change(timestamp="2023-11-14T22:00:00Z", custom_details={"build": 7})
    answer = post(served, {**body, "links": [{"href": "https://ci/7", "text": "Build"}]})
    assert answer.status_code == 202
    assert answer.json() == {"status": "success", "message": "Change event processed"}
    assert served.client.get("/v1/changes").json()["changes"] == [
        {
            "at": "2023-11-14T22:00:00.000Z",
            "summary": "Deployed orders 1.4.2",
            "source": "ci",
            "links": [{"href": "https://ci/7", "text": "Build"}],
            "details": {"build": 7},
        }
    ]
    assert served.incidents() == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"payload": {"summary": "x"}}, "'routing_key' cannot be blank"),
        (change(summary=" "), "'payload.summary' is missing or blank"),
        (change(summary="x" * 1025), "'summary' is too long (maiximum is 1024 characters)"),
        (change(source=3), "'payload.source' is invalid (must be a string)"),
        (change(timestamp="yesterday"), "'payload.timestamp' is invalid (must be an ISO 8601 date and time)"),
        ({**change(), "payload": 3}, "'payload' is invalid (must be an object)"),
        ({**change(), "links": [{}]}, "'links[0].href' is missing or blank"),
        ({**change(), "routing_key": "f" * 32}, "Invalid routing key"),
    ],
)
def test_refuses_what_breaks_the_contract(served, body, error):
    answer = post(served, body)
    assert answer.status_code == 400
    assert error in answer.json()["errors"]


def test_changes_shortly_before_and_during_an_incident_are_shown_beside_it(serve, clock):
    served = serve()
    post(served, change("Long before"))
    clock.pass_s(7_201)
    post(served, change("Before <b>it</b>"))
    clock.pass_s(60)
    served.send()
    clock.pass_s(60)
    post(served, change("Rolled back"))
    clock.pass_s(60)
    served.send("resolve")
    clock.pass_s(60)
    post(served, change("After"))
    incident = served.client.get("/v1/incidents/INC-000001").json()
    assert [one["summary"] for one in incident["changes"]] == ["Rolled back", "Before <b>it</b>"]
    page = served.client.get("/incidents/INC-000001").text
    assert "Changes before and during it" in page
    assert "Before &lt;b&gt;it&lt;/b&gt;" in page
    assert "After" not in page
    markdown = served.client.get("/v1/incidents/INC-000001.md").text
    assert "## Changes before and during it" in markdown
    assert "| ci | Rolled back |" in markdown


def test_changes_cannot_take_the_room_of_incidents(serve):
    served = serve()
    assert post(served, change(custom_details={"text": "x" * 100_000})).status_code == 202
    (kept,) = served.client.get("/v1/changes?limit=1").json()["changes"]
    assert kept["details"] == {"left_out": "The details were larger than 10 kB."}
