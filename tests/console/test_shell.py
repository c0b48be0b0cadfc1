import pytest

from obskit._assets import asset
from obskit.console._model import load
from obskit.console._shell import every_of


@pytest.mark.parametrize(
    ("said", "every"), [("5", "5"), ("30s", "30"), ("1m", "60"), ("", ""), ("7h", ""), ("<b>", "")]
)
def test_a_refresh_is_read_as_the_console_and_as_grafana_write_it(said, every):
    assert every_of(said) == every


def test_every_committed_board_refreshes_as_it_says():
    assert {every_of(board.refresh) for board in load(asset("dashboards", "json")).values()} == {"30"}
