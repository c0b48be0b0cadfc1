import stat
from pathlib import Path

import pytest

from obskit.errors import StackError
from obskit.stack import Home


@pytest.fixture
def home(tmp_path) -> Home:
    return Home.at(tmp_path / "home")


def test_is_in_the_working_directory_unless_told_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Home.at().root == tmp_path / ".obskit"

    monkeypatch.setenv("OBSKIT_HOME", "elsewhere")
    assert Home.at().root == tmp_path / "elsewhere"
    assert Home.at(Path("chosen")).root == tmp_path / "chosen"


def test_secrets_are_readable_by_their_owner_only(home):
    home.create()

    assert stat.S_IMODE(home.routing_key.parent.stat().st_mode) == 0o700
    for path in (home.routing_key, home.admin_token):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(home.routing_key.read_text()) == 32
    int(home.routing_key.read_text(), 16)
    assert home.token() == home.admin_token.read_text()


def test_keeps_a_key_that_the_user_put_there_and_closes_it_to_others(home):
    home.create()
    home.routing_key.write_text("R" * 32)
    home.routing_key.chmod(0o644)

    home.create()

    assert home.routing_key.read_text() == "R" * 32
    assert stat.S_IMODE(home.routing_key.stat().st_mode) == 0o600


def test_hides_itself_from_git(home):
    home.create()

    assert (home.root / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("action", [Home.create, Home.wipe])
def test_leaves_a_folder_of_somebody_else_alone(tmp_path, action):
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(StackError, match="was not made by obskit"):
        action(Home.at(tmp_path))

    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_refuses_a_file_in_its_place(tmp_path):
    (tmp_path / "home").write_text("")

    with pytest.raises(StackError, match="is not a folder"):
        Home.at(tmp_path / "home").create()


def test_wipe_of_nothing_does_nothing(home):
    home.wipe()

    assert not home.root.exists()


def test_token_of_a_home_that_never_ran_names_the_fix(home):
    with pytest.raises(StackError, match="no readable admin token") as caught:
        home.token()

    assert caught.value.fix == "obskit up"


def test_lock_is_held_by_one(home):
    home.create()

    with home.lock("up") as first, home.lock("up") as second:
        assert (first, second) == (True, False)
    with home.lock("up") as again:
        assert again
