"""Whatever a body holds, it is taken whole or refused with reasons; the table of reasons is in test_events_api."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obskit.pager import InvalidEventError, Store
from obskit.pager._event import parse
from obskit.pager._export import as_markdown
from obskit.pager._operations import take

KEY = "0123456789abcdef0123456789abcdef"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXTS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXTS, children, max_size=4),
    max_leaves=12,
)
SEVERITIES = st.sampled_from(["critical", "error", "warning", "info"])
LINKS = st.lists(
    st.fixed_dictionaries({"href": TEXTS | st.just("http://a.example/")}, optional={"text": TEXTS})
)
EVENTS = st.fixed_dictionaries(
    {
        "routing_key": st.just(KEY) | VALUES,
        "event_action": st.sampled_from(["trigger", "trigger", "acknowledge", "resolve"]) | VALUES,
        "payload": VALUES
        | st.fixed_dictionaries(
            {"summary": TEXTS | VALUES, "source": TEXTS | VALUES, "severity": SEVERITIES | VALUES},
            optional={
                "custom_details": VALUES,
                "timestamp": st.datetimes().map(str) | VALUES,
                "component": TEXTS,
            },
        ),
    },
    optional={
        "dedup_key": TEXTS | VALUES,
        "links": LINKS | VALUES,
        "images": VALUES,
        "client_url": TEXTS | VALUES,
    },
)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        opened = Store(Path(folder) / "pager.db")
        yield opened
        opened.close()


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS)
def test_any_event_is_kept_and_shown_or_refused_with_reasons(store, raw):
    try:
        event = parse(orjson.dumps(raw), KEY)
    except InvalidEventError as refused:
        event, errors = None, refused.errors
    else:
        errors = []
    assert (event is None) == bool(errors)
    if event is None:
        return

    def keep(opened):
        change = take(opened, event, 1_700_000_000.0, room=True)
        return None if change == "dropped" else opened.find(change.incident.number)

    (incident,) = store.together([keep])
    if incident is not None:
        assert orjson.dumps(incident.to_json())
        assert as_markdown(incident, "http://127.0.0.1/").startswith(f"# {incident.id}")
        assert all(link.href.lower().startswith(("http://", "https://")) for link in incident.links)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_reasons(body):
    with pytest.raises(InvalidEventError) as refused:
        parse(body, KEY)
    assert refused.value.errors
