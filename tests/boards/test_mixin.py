import json

import promql_parser
import pytest

from obskit._mixin import Mixin
from obskit.boards import ask_all, build, check_board, filled
from obskit.boards._check_schema import schema
from obskit.boards._mixin import mixed
from obskit.boards._read import prometheus_targets
from obskit.boards._stores import Answer, Moment
from obskit.errors import ConfigError

OWN = Mixin(service_label="app", environment_label="env")


def test_every_query_of_every_board_has_the_labels_and_still_parses(shipped):
    for board in shipped.values():
        for target in prometheus_targets(mixed(board, OWN)):
            promql_parser.parse(filled(target.expr))
            assert "service_name" not in target.expr + target.legend
            assert ('"$service"' in target.expr) == ('env=~"$environment"' in target.expr)


def test_the_environment_is_chosen_before_the_service(shipped):
    chosen = mixed(shipped["service"], OWN)["templating"]["list"]
    names = [one["name"] for one in chosen]

    assert names.index("environment") == names.index("service") - 1
    query = chosen[names.index("environment")]["query"]
    assert "env)" in (query["query"] if isinstance(query, dict) else query)


def test_it_is_still_what_the_schema_says(shipped):
    assert [breach for board in shipped.values() for breach in schema(mixed(board, OWN))] == []


def test_logs_and_traces_keep_the_labels_that_obskit_writes(shipped):
    text = json.dumps(mixed(shipped["service"], OWN))

    assert "${__field.labels.app}" in text
    assert "service_name%3D~" in text


def test_without_a_configuration_a_board_is_the_shipped_one(shipped):
    assert all(mixed(board, Mixin()) == board for board in shipped.values())
    assert check_board(mixed(shipped["service"], Mixin())) == []


class Noted:
    """A store that notes what it is asked, and has nothing."""

    def __init__(self):
        self.asked = []

    def has(self, kind):
        return kind == "prometheus"

    def scrape_s(self):
        return 15.0

    def choices(self, *_):
        return {}

    def ask(self, kind, query, *_, **__):  # noqa: ARG002 - as the real one
        self.asked.append(query)
        return Answer(0, ())


def test_a_live_check_asks_with_them():
    stores = Noted()
    found = ask_all(stores, Moment(end=1e9, scrape_s=15.0), mixin=OWN)

    assert {one.query for one in found} == set(stores.asked)
    assert any("app=~" in query for query in stores.asked)
    assert not any("service_name" in query for query in stores.asked)


def test_they_are_not_written_over_the_shipped_ones():
    with pytest.raises(ConfigError, match="a folder of their own"):
        build(mixin=OWN)
