import json
import shutil
import subprocess
import sys

import pytest

from obskit._assets import asset
from obskit.boards import boards, build, check, check_board
from obskit.cli._board_checks import GRAMMARS
from obskit.errors import ConfigError


@pytest.fixture
def copy_of_boards(tmp_path):
    """Two boards of ours as somebody's own folder; all of them would take long to check again and again."""
    folder = tmp_path / "dashboards"
    folder.mkdir()
    for name in ("service.py", "sync_async.py", "README.md"):
        shutil.copy(asset("dashboards") / name, folder)
    build(source=folder)
    return folder


def findings(folder):
    return [(one.rule, one.what) for one in check(folder)]


def test_the_shipped_boards_breach_no_rule_and_their_json_is_committed_as_built():
    assert [str(finding) for finding in check(grammars=GRAMMARS)] == []


def test_there_are_as_many_boards_and_panels_as_promised():
    assert len(boards()) >= 9
    assert sum(len(row.panels) for board in boards() for row in board.rows) >= 80


def test_every_panel_of_every_board_is_in_the_readme():
    readme = (asset("dashboards") / "README.md").read_text()
    for board in boards():
        module = board.name.replace("-", "_")
        assert f"[{board.title}]({module}.py) | {board.question} | `{board.uid}` |" in readme
        for row in board.rows:
            assert all(f"| {panel.about.title} | {panel.about.what} |" in readme for panel in row.panels)


def test_a_readme_that_is_behind_the_boards_is_found_and_made_anew(copy_of_boards):
    readme = copy_of_boards / "README.md"
    text = readme.read_text()
    readme.write_text(text.replace("| `obskit-service` |", "| `obskit-red` |"))
    assert findings(copy_of_boards) == [("drift", "Its table is not what the boards make.")]
    build(source=copy_of_boards)
    assert readme.read_text() == text


def test_a_query_that_its_store_cannot_read_is_found(copy_of_boards):
    source = copy_of_boards / "service.py"
    source.write_text(source.read_text().replace('|error|critical"} | json', '|error|critical"} | | json'))
    build(source=copy_of_boards)
    found = [finding for finding in check(copy_of_boards, grammars=GRAMMARS) if "grammar" in finding.rule]
    assert [(finding.rule, finding.panel) for finding in found] == [("loki grammar", "Warnings and errors")]


def test_build_writes_the_same_bytes_each_time(tmp_path):
    first = {path.name: path.read_bytes() for path in build(tmp_path / "one")}
    second = {path.name: path.read_bytes() for path in build(tmp_path / "two")}
    assert first == second
    assert sorted(first) == sorted(f"{board.name}.json" for board in boards())


def test_a_hand_edit_of_the_json_is_found(copy_of_boards):
    path = copy_of_boards / "json" / "service.json"
    board = json.loads(path.read_text())
    board["panels"][1]["title"] = "Rate"
    path.write_text(json.dumps(board))
    assert findings(copy_of_boards) == [("drift", "service.json is not what its source makes.")]


def test_missing_and_left_over_json_is_found(copy_of_boards):
    (copy_of_boards / "json" / "service.json").rename(copy_of_boards / "json" / "old.json")
    assert findings(copy_of_boards) == [
        ("drift", "service.json is missing."),
        ("drift", "old.json has no source."),
    ]


def test_a_new_board_is_built_from_its_file(copy_of_boards):
    source = (copy_of_boards / "service.py").read_text()
    (copy_of_boards / "my_team.py").write_text(source.replace('name="service"', 'name="my-team"'))
    (written,) = [path for path in build(source=copy_of_boards) if path.name == "my-team.json"]
    assert json.loads(written.read_text())["uid"] == "obskit-my-team"
    assert findings(copy_of_boards) == []


def test_a_file_without_a_board_is_refused(copy_of_boards):
    (copy_of_boards / "empty.py").write_text("")
    with pytest.raises(ConfigError, match=r"empty\.py has no function board\(\)"):
        boards(copy_of_boards)


def test_a_board_that_is_named_otherwise_than_its_file_is_refused(copy_of_boards):
    (copy_of_boards / "service.py").rename(copy_of_boards / "other.py")
    with pytest.raises(ConfigError, match=r"other\.py makes the board 'service'.*'other'"):
        boards(copy_of_boards)


def test_a_finding_reads_as_one_sentence_with_its_fix(service):
    service["refresh"] = "5s"
    (finding,) = check_board(service)
    assert str(finding) == "obskit-service: stamp: refresh is '5s'. Render it with '30s'."


def test_without_the_sdk_the_error_names_the_command_to_run():
    program = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None\n"
        "from obskit.errors import MissingExtraError\n"
        "try:\n    import obskit.boards\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "obskit.boards needs the package 'grafana_foundation_sdk'" in answer.stdout
    assert "pip install 'obskit-starter-kit[dashboards]'" in answer.stdout
