import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from obskit.boards import Moment, Stores, panel_queries
from obskit.errors import ConfigError

SPAN = {"__rate_interval": "10s"}


class NoSeries(BaseHTTPRequestHandler):
    """A Prometheus that has no label values."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "success", "data": []}')

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def stores():
    with ThreadingHTTPServer(("127.0.0.1", 0), NoSeries) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Stores(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()


def asked(stores, uid, title, **variables):
    return panel_queries(uid, title, stores=stores, moment=Moment(end=0), variables={**SPAN, **variables})


def test_queries_have_the_variables_of_an_opened_board_and_those_that_are_given(stores):
    (query,) = asked(stores, "obskit-sync-async", "Sync: calls failed", sync_call="/orders")

    assert 'service_name=~".+"' in query
    assert 'url_template="/orders"' in query
    assert "[10s]" in query
    assert "$" not in query


def test_each_query_of_a_panel_is_there(stores):
    assert len(asked(stores, "obskit-database", "Duration")) == 3


@pytest.mark.parametrize(
    ("uid", "title", "said"),
    [
        ("obskit-nothing", "Duration", "There is no board 'obskit-nothing'"),
        ("obskit-database", "Durations", "has no panel 'Durations'"),
        ("obskit-database", "What the database log events say", "asks Prometheus nothing"),
    ],
)
def test_what_there_is_not_is_named(stores, uid, title, said):
    with pytest.raises(ConfigError, match=said):
        asked(stores, uid, title)
