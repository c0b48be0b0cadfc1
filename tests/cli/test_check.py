"""obskit check: a person's own checks against a person's own service."""

import json
from pathlib import Path

import pytest

from obskit.cli import check as command
from obskit.cli import main
from obskit.cli._child import Child

GATEWAY = Path(__file__).parents[2] / "sample_services" / "gateway" / "checks.yaml"


@pytest.fixture
def type_in(capsys):
    def type_in(*arguments):
        with pytest.raises(SystemExit) as caught:
            main.run(("check", *map(str, arguments)))
        said = capsys.readouterr()
        return caught.value.code, said.out, said.err

    return type_in


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "checks.yaml"
    path.write_text("checks: [{request: GET /}]")
    return path


def test_gateway_passes_its_own_checks(type_in, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")

    code, out, err = type_in(GATEWAY, "--app", "sample_services.gateway.app:create_app")

    assert (code, err) == (0, "")
    assert out.endswith("4 of 4 checks passed.\n")


def test_difference_exits_1_in_words_and_in_json(type_in, file, monkeypatch):
    result = {"name": "GET /", "problems": ["status: 500"], "unseen": []}
    monkeypatch.setattr(command, "run_child", lambda *_: Child({"results": [result]}, "", ""))

    code, out, _ = type_in(file, "--app", "shop:app")
    assert code == 1
    assert out == "FAIL  GET /\n        status: 500\n\n0 of 1 checks passed.\n"

    code, out, _ = type_in(file, "--app", "shop:app", "--json")
    assert (code, json.loads(out)) == (1, {"passed": False, "checks": [{"passed": False, **result}]})


def test_application_that_cannot_be_loaded_is_one_sentence(type_in, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text("import no_such_module")

    code, out, err = type_in(file, "--app", "shop:app")

    assert (code, out) == (1, "")
    assert "Error: The application shop:app could not be checked: ModuleNotFoundError: No module named" in err


def test_service_that_does_not_answer_is_one_sentence(type_in, file):
    code, _, err = type_in(file, "--url", "http://127.0.0.1:9")

    assert code == 1
    assert err.startswith(
        "Error: http://127.0.0.1:9 does not answer (ConnectError).\nFix:   start the service"
    )


def test_file_that_is_wrong_is_one_sentence(type_in, file):
    file.write_text("checks: [{reqest: GET /}]")

    code, _, err = type_in(file, "--app", "shop:app")

    assert code == 1
    assert "checks[0]: 'reqest' is not a key here; did you mean request?" in err


@pytest.mark.parametrize("options", [(), ("--app", "a:b", "--url", "http://127.0.0.1:9")])
def test_one_of_app_and_url_is_wanted(type_in, file, options):
    code, _, err = type_in(file, *options)

    assert code == 2
    assert "one of --app MODULE:APP and --url ADDRESS" in err
