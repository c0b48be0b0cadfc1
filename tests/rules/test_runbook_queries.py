"""The queries of the runbooks, run by the programs that people paste them into: none is refused."""

import re
import sys
import textwrap
import time

import httpx
import pytest

from obskit._assets import asset

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def _queries(language):
    found = [
        (path.stem, textwrap.dedent(body).strip())
        for path in sorted(asset("alerts", "runbooks").glob("*.md"))
        for _, said, body in _FENCE.findall(path.read_text())
        if said == language
    ]
    assert len(found) > 10, language
    return found


def _refused(url, path, queries, name="query", **parameters):
    """Return the queries that *url* does not answer, with what it says."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        answers = [(each, client.get(path, params={**parameters, name: each[1]})) for each in queries]
    return [(each, answer.text) for each, answer in answers if answer.status_code != 200]


@pytest.fixture
def store(tmp_path, free_port, start_server):
    """The store of logs and traces; gives the addresses of its two APIs."""
    ports = {name: free_port() for name in ("loki", "tempo", "otlp")}
    options = [f"--{name}-port={port}" for name, port in ports.items()]
    (tmp_path / "logs").mkdir()
    folders = (f"--home={tmp_path / 'home'}", f"--log-dir={tmp_path / 'logs'}")
    url = f"http://127.0.0.1:{ports['loki']}"
    start_server(
        "embedded", sys.executable, "-m", "obskit.embedded", *folders, *options, ready_url=f"{url}/ready"
    )
    return url, f"http://127.0.0.1:{ports['tempo']}"


def test_prometheus_answers_each(tmp_path, free_port, start_server):
    (tmp_path / "prometheus.yml").write_text("global: {}\n")
    port = free_port()
    options = [
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    start_server("prometheus", "prometheus", *options, ready_url=f"{url}/-/ready")

    assert _refused(url, "/api/v1/query", _queries("promql")) == []


def test_the_store_answers_each(store):
    loki, tempo = store
    now = int(time.time())
    span = {"start": (now - 3600) * 10**9, "end": now * 10**9}

    assert _refused(loki, "/loki/api/v1/query_range", _queries("logql"), **span, step=60) == []
    assert _refused(tempo, "/api/search", _queries("traceql"), "q", start=now - 3600, end=now) == []
