import pytest


def test_shows_an_incident_in_the_agreed_form(serve):
    served = serve()
    served.send(component="orders", custom_details={"num_firing": "1"})
    served.tick()
    (incident,) = served.incidents()
    timeline = incident.pop("timeline")
    assert incident == {
        "id": "INC-000001",
        "status": "triggered",
        "urgency": "high",
        "title": "Disk is full",
        "service": "orders",
        "source": "db1",
        "severity": "critical",
        "dedup_key": "disk",
        "created_at": "2023-11-14T22:13:20.000Z",
        "occurred_at": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "resolved_at": None,
        "links": [],
        "details": {"num_firing": "1"},
        "escalation": {
            "level": 1,
            "levels": 1,
            "round": 1,
            "rounds": 3,
            "next_at": "2023-11-14T22:18:20.000Z",
        },
        "url": "http://127.0.0.1:8601/incidents/INC-000001",
    }
    assert timeline[0] == {
        "at": "2023-11-14T22:13:20.000Z",
        "type": "created",
        "message": "Reported by db1.",
        "count": 1,
        "last_at": "2023-11-14T22:13:20.000Z",
    }
    assert served.client.get("/v1/incidents/INC-000001").json()["id"] == "INC-000001"


def test_lists_by_status_newest_first_and_up_to_a_limit(serve):
    served = serve()
    for key in ("a", "b", "c", "d"):
        served.send(key=key)
    served.send("resolve", key="a")
    served.send("acknowledge", key="b")

    def keys(**query):
        return [incident["dedup_key"] for incident in served.incidents(**query)]

    assert keys() == ["d", "c", "b", "a"]
    assert keys(status="triggered") == ["d", "c"]
    assert keys(status="open") == ["d", "c", "b"]
    assert keys(status="acknowledged,resolved") == ["b", "a"]
    assert keys(limit=1) == ["d"]


@pytest.mark.parametrize(
    "query", ["status=gone", "status=open,resolved", "limit=0", "limit=x", "limit=1001", "limit=٣", "limit="]
)
def test_refuses_a_query_that_means_nothing(served, query):
    answer = served.client.get(f"/v1/incidents?{query}")
    assert answer.status_code == 400
    assert answer.json().keys() == {"error", "fix"}


def test_acknowledges_and_resolves_for_a_person(serve, auth):
    served = serve()
    served.send()
    acknowledged = served.client.post(
        "/v1/incidents/INC-000001/acknowledge", headers=auth, json={"by": "ann"}
    )
    assert acknowledged.json()["status"] == "acknowledged"
    resolved = served.client.post("/v1/incidents/inc-1/resolve", headers=auth)
    assert resolved.json()["status"] == "resolved"
    said = {entry["type"]: entry["message"] for entry in resolved.json()["timeline"]}
    assert said["acknowledged"] == "Acknowledged by ann."
    assert said["closed"] == "Resolved by the holder of the admin token."


def test_doing_it_twice_changes_nothing(serve, auth):
    served = serve()
    served.send()
    served.tick()
    for action in ("acknowledge", "resolve"):
        first = served.client.post(f"/v1/incidents/INC-000001/{action}", headers=auth)
        second = served.client.post(f"/v1/incidents/INC-000001/{action}", headers=auth)
        assert second.status_code == 200
        assert second.json() == first.json()


def test_a_resolved_incident_cannot_be_acknowledged(serve, auth):
    served = serve()
    served.send()
    served.send("resolve")
    answer = served.client.post("/v1/incidents/INC-000001/acknowledge", headers=auth)
    assert answer.status_code == 409
    assert answer.json()["error"] == "INC-000001 is already resolved."


@pytest.mark.parametrize("name", ["INC-000009", "nonsense", "INC-", "INC-1.5", "INC-99999999999999999999"])
@pytest.mark.parametrize("ending", ["", ".md", "/acknowledge", "/resolve"])
def test_says_that_there_is_no_such_incident(served, auth, name, ending):
    method = "POST" if ending.startswith("/") else "GET"
    answer = served.client.request(method, f"/v1/incidents/{name}{ending}", headers=auth)
    assert answer.status_code == 404
    assert answer.json()["fix"] == "List them: obskit incidents list"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Basic dGhlLWFkbWluLXRva2Vu", 401),
        ("Bearer wrong", 403),
        ("Bearer th\xe9", 403),
        ("Bearer the-admin-token-and-more", 403),
        ("bearer the-admin-token", 200),
    ],
)
@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_only_the_admin_token_changes_an_incident(serve, header, status, action):
    served = serve()
    served.send()
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = served.client.post(f"/v1/incidents/INC-000001/{action}", headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert answer.json().keys() == {"error", "fix"}
        assert served.incidents()[0]["status"] == "triggered"
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"by": 1}', b'{"by": "  "}', b'"ann"'])
def test_refuses_a_body_that_names_nobody(serve, auth, body):
    served = serve()
    served.send()
    answer = served.client.post("/v1/incidents/INC-000001/resolve", headers=auth, content=body)
    assert answer.status_code == 400
    assert served.incidents()[0]["status"] == "triggered"


def test_answers_unknown_paths_and_methods_in_the_same_form(served):
    client = served.client
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/v1/incidents", 405)):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert answer.json().keys() == {"error", "fix"}


def test_exports_an_incident_as_markdown(serve):
    served = serve()
    served.send()
    answer = served.client.get("/v1/incidents/INC-000001.md")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text.startswith("# INC-000001: Disk is full\n")


def test_a_store_that_fails_is_said_to_the_sender_so_that_it_sends_again(serve, monkeypatch):
    served = serve()
    served.send(key="before")
    store = served.app.state.pager._writer._store
    store._db.execute("PRAGMA query_only = ON")
    assert served.send(key="lost?").status_code == 500
    store._db.execute("PRAGMA query_only = OFF")
    assert served.send(key="lost?").status_code == 202
    assert len(served.incidents()) == 2


def test_a_note_is_kept_with_its_author_on_open_and_resolved_incidents(serve, auth):
    served = serve()
    served.send()
    for state in ("triggered", "resolved"):
        answer = served.client.post(
            "/v1/incidents/INC-000001/note", json={"text": " rolled\nback ", "by": "ann"}, headers=auth
        )
        assert answer.status_code == 200
        assert answer.json()["status"] == state
        assert answer.json()["timeline"][-1]["type"] == "note"
        assert answer.json()["timeline"][-1]["message"] == "ann: rolled back"
        served.send("resolve")


@pytest.mark.parametrize("body", [{}, {"text": " "}, {"text": 3}, {"text": "x" * 2_001}])
def test_a_note_without_a_usable_text_is_refused(serve, auth, body):
    served = serve()
    served.send()
    answer = served.client.post("/v1/incidents/INC-000001/note", json=body, headers=auth)
    assert answer.status_code == 400
    assert "1 to 2000 characters" in answer.json()["error"]


@pytest.mark.parametrize("action", ["note", "escalate"])
def test_every_action_takes_the_token(serve, action):
    served = serve()
    served.send()
    path = f"/v1/incidents/INC-000001/{action}"
    assert served.client.post(path, json={"text": "x"}).status_code == 401
    assert served.client.post(path, headers={"Authorization": "Bearer no"}).status_code == 403
    assert len(served.incidents()[0]["timeline"]) <= 2


def test_who_acknowledged_is_part_of_the_incident(serve, auth):
    served = serve()
    served.send()
    path = "/v1/incidents/INC-000001/acknowledge"
    answer = served.client.post(path, json={"by": "ann"}, headers=auth).json()
    assert answer["acknowledged_by"] == "ann"
    page = served.client.get("/incidents/INC-000001").text
    assert "ann is on it since" in page
