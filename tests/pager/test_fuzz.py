"""Events that no sender should send: each has a clear answer, and what was taken is kept."""

import io
import random

import orjson
import pytest

from obskit.pager import Console, Store

KEY = "0123456789abcdef0123456789abcdef"
TEXTS = [
    "",
    " ",
    "x",
    "ok",
    "\x00\x1b[2J\r\n",
    "<script>alert(1)</script>",
    "\u202eevil\u202c",
    "é" * 300,
    "x" * 1_025,
    "{{ 7 * 7 }}",
    "'; DROP TABLE incidents; --",
    "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00Z",
    "javascript:alert(1)",
    "http://[::1",
    "\U0001f525",
]
ALL = ("triggered", "acknowledged", "resolved")


class Fuzzer:
    """Makes events that are a little, or altogether, wrong; the same ones for the same seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self, depth=0):
        kind = self.random.randrange(9 if depth < 4 else 6)
        if kind < 2:
            return self.random.choice(TEXTS)
        plain = {
            2: None,
            3: self.random.random() < 0.5,
            4: self.random.choice([0, -1, 2**63 - 1, 1e308, 0.5]),
            5: "ok",
        }
        if kind in plain:
            return plain[kind]
        if kind == 6:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {
            self.random.choice(["a", *TEXTS]): self.value(depth + 1) for _ in range(self.random.randrange(4))
        }

    def event(self):
        event = {
            "routing_key": KEY,
            "event_action": self.random.choice(["trigger", "trigger", "acknowledge", "resolve"]),
            "dedup_key": f"k{self.random.randrange(60)}",
            "client": "fuzz",
            "payload": {
                "summary": self.random.choice([text for text in TEXTS if text.strip()][:6]),
                "source": "s",
                "severity": self.random.choice(["critical", "error", "warning", "info"]),
                "custom_details": {"a": self.value(), "firing": self.value()},
            },
            "links": [{"href": "http://a/b", "text": "ok"}],
        }
        for _ in range(self.random.choice([0, 0, 0, 1, 2, 5])):
            place = self.random.choice([event, event["payload"]])
            if isinstance(place, dict):
                name = self.random.choice([*place, "component", "timestamp", "images", "client_url", "a"])
                place[name] = self.value()
            if not isinstance(event.get("payload"), dict):
                break
        return event

    def body(self):
        body = orjson.dumps(self.event())
        turn = self.random.randrange(20)
        if turn == 0:
            return body[: self.random.randrange(len(body))]
        if turn == 1:
            return self.random.randbytes(self.random.randrange(200))
        if turn == 2:
            return b"[" * self.random.randrange(2_000)
        return body


def fuzz(serve_while, path, seed, count):
    """Send *count* bodies; return the keys that were taken, and how many bodies were refused."""
    fuzzer, out = Fuzzer(seed), io.StringIO()
    opened, refused = set(), 0
    with serve_while(events_per_s=1e9, inboxes=[Console(out)]) as served:
        for _ in range(count):
            body = fuzzer.body()
            answer = served.client.post(
                fuzzer.random.choice(["/v2/enqueue"] * 9 + ["/v2/change/enqueue"]), content=body
            )
            assert answer.status_code in {202, 400}, (answer.status_code, body)
            refused += answer.status_code == 400
            if "dedup_key" in answer.json() and orjson.loads(body)["event_action"] == "trigger":
                opened.add(answer.json()["dedup_key"])
        served.tick()
        for incident in served.incidents(limit=100):
            for address in (f"/incidents/{incident['id']}", f"/v1/incidents/{incident['id']}.md"):
                assert served.client.get(address).status_code == 200, incident
        assert served.client.get("/incidents").status_code == 200
    store = Store(path)
    kept = {incident.dedup_key for incident in store.latest(ALL, count)}
    store.close()
    assert opened == kept
    assert "\x1b" not in out.getvalue()
    return opened, refused


def test_fuzzed_events_are_answered_and_what_was_taken_is_kept(serve_while, tmp_path):
    opened, refused = fuzz(serve_while, tmp_path / "pager.db", 1, 400)
    assert len(opened) > 30
    assert refused > 50


@pytest.mark.prove
@pytest.mark.parametrize("seed", [2, 3])
def test_ten_thousand_fuzzed_events(serve_while, tmp_path, seed):
    opened, refused = fuzz(serve_while, tmp_path / "pager.db", seed, 10_000)
    assert {f"k{number}" for number in range(60)} < opened  # every key of the fuzzer, and stranger ones
    assert refused > 1_000
