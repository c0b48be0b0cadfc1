"""Rendered boards to look at and to break."""

import copy
import json

import pytest

from obskit.boards import boards, render


@pytest.fixture(scope="session")
def shipped():
    """Every shipped board as Grafana gets it, by name."""
    return {board.name: json.loads(render(board)) for board in boards()}


@pytest.fixture
def service(shipped):
    """A copy of the service board that a test may break."""
    return copy.deepcopy(shipped["service"])


@pytest.fixture
def panel():
    """Find a panel by its title, inside collapsed rows too."""

    def find(board, title):
        inside = [one for row in board["panels"] for one in row.get("panels", [])]
        found = [
            one for one in (*board["panels"], *inside) if one["type"] != "row" and one.get("title") == title
        ]
        assert len(found) == 1, f"{title}: {[one.get('title') for one in found]}"
        return found[0]

    return find
