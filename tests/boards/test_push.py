"""``obskit dashboards push`` against an HTTP server that answers as Grafana 11 does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from obskit._assets import asset
from obskit._mixin import Mixin
from obskit.boards import Grafana, boards
from obskit.errors import ConfigError, StackError

TOKEN = "glsa_a_token_of_the_test"


class State:
    """What this Grafana holds."""

    def __init__(self):
        self.folders = []
        self.boards = {}
        self.provisioned = set()
        self.writes = 0
        self.is_editor = True


class Handler(BaseHTTPRequestHandler):
    """The few paths of Grafana's API that matter here, with its texts."""

    def log_message(self, *args):
        """Stay quiet."""

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def is_refused(self):
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer(401, {"message": "Invalid API key"})
            return True
        return False

    def do_GET(self):
        state = self.server.state
        if self.is_refused():
            return
        if self.path == "/api/folders":
            self.answer(200, state.folders)
        else:
            uid = self.path.removeprefix("/api/dashboards/uid/")
            found = state.boards.get(uid)
            self.answer(*((200, found) if found else (404, {"message": "Dashboard not found"})))

    def do_POST(self):
        state = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.is_refused():
            return
        if not state.is_editor:
            self.answer(403, {"message": "Access denied"})
        elif self.path == "/api/folders":
            state.folders.append({"uid": "made", "title": body["title"]})
            self.answer(200, state.folders[-1])
        else:
            self.store(state, body)

    def store(self, state, body):
        board = body["dashboard"]
        uid = board["uid"]
        there = state.boards.get(uid)
        if uid in state.provisioned:
            self.answer(400, {"message": "Cannot save provisioned dashboard"})
        elif there and not body["overwrite"]:
            message = "The dashboard has been changed by someone else"
            self.answer(412, {"message": message, "status": "version-mismatch"})
        else:
            state.writes += 1
            version = there["dashboard"]["version"] + 1 if there else 1
            meta = {"folderUid": body["folderUid"], "url": f"/d/{uid}/x", "provisioned": False}
            state.boards[uid] = {"dashboard": {**board, "id": 7, "version": version}, "meta": meta}
            self.answer(200, {"uid": uid, "url": meta["url"], "version": version, "status": "success"})


@pytest.fixture
def grafana():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.state = State()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def outcomes(pushed):
    return {one.outcome for one in pushed}


def test_all_boards_are_stored_in_the_folder_as_they_were_built(grafana):
    pushed = Grafana(grafana.url, TOKEN, "Shop").push()
    assert [one.uid for one in pushed] == [board.uid for board in boards()]
    assert outcomes(pushed) == {"created"}
    assert grafana.state.folders == [{"uid": "made", "title": "Shop"}]
    stored = grafana.state.boards["obskit-service"]
    built = json.loads((asset("dashboards", "json") / "service.json").read_text())
    assert stored["meta"]["folderUid"] == "made"
    assert stored["dashboard"] == {**built, "id": 7, "version": 1}
    assert pushed[0].url == f"{grafana.url}/d/{pushed[0].uid}/x"


def test_boards_are_stored_with_the_labels_of_ones_own(grafana):
    Grafana(grafana.url, TOKEN).push(mixin=Mixin(service_label="app"))
    stored = json.dumps(grafana.state.boards["obskit-service"]["dashboard"])
    assert 'app=~\\"$service\\"' in stored
    assert 'service_name=~\\"$service\\"}[' not in stored


def test_a_second_push_changes_nothing(grafana):
    target = Grafana(grafana.url, TOKEN)
    target.push()
    writes = grafana.state.writes
    assert outcomes(target.push()) == {"unchanged"}
    assert grafana.state.writes == writes
    assert len(grafana.state.folders) == 1


def test_a_board_that_somebody_changed_is_replaced_only_when_told_to(grafana):
    target = Grafana(grafana.url, TOKEN)
    target.push()
    grafana.state.boards["obskit-service"]["dashboard"]["title"] = "Mine"
    with pytest.raises(StackError, match="another board obskit-service") as raised:
        target.push()
    assert "--overwrite" in raised.value.fix
    pushed = target.push(overwrite=True)
    assert [one.outcome for one in pushed if one.uid == "obskit-service"] == ["updated"]
    assert grafana.state.boards["obskit-service"]["dashboard"]["title"] == "Service RED"


@pytest.mark.parametrize("is_listed", [True, False], ids=["its answer says so", "its refusal says so"])
def test_a_board_from_a_file_is_named_as_such(grafana, is_listed):
    target = Grafana(grafana.url, TOKEN)
    target.push()
    stored = grafana.state.boards["obskit-service"]
    stored["dashboard"]["title"] = "From a file"
    stored["meta"]["provisioned"] = is_listed
    grafana.state.provisioned.add("obskit-service")
    with pytest.raises(StackError, match="loads the board obskit-service from a file") as raised:
        target.push(overwrite=True)
    assert "provisioned" in raised.value.fix


def test_a_wrong_token_is_said_and_never_shown(grafana):
    target = Grafana(grafana.url, "glsa_wrong")
    with pytest.raises(StackError, match="does not accept the token") as raised:
        target.push()
    assert "glsa_wrong" not in f"{raised.value} {raised.value.fix} {target!r}"


def test_a_token_without_rights_is_said(grafana):
    grafana.state.is_editor = False
    with pytest.raises(StackError, match="may not write boards") as raised:
        Grafana(grafana.url, TOKEN).push()
    assert "Editor" in raised.value.fix


def test_an_unreachable_host_is_said():
    with pytest.raises(StackError, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        Grafana("http://127.0.0.1:1", TOKEN).push()


@pytest.mark.parametrize(
    ("url", "token", "said"),
    [
        ("grafana:3000", TOKEN, "not the address of a Grafana"),
        ("http://me:secret@grafana:3000", TOKEN, "credentials in it"),
        ("http://grafana:3000", "", "There is no token"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(url, token, said):
    with pytest.raises(ConfigError, match=said) as raised:
        Grafana(url, token)
    assert "secret" not in str(raised.value)
