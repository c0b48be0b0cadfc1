"""obskit adopt: applications that know nothing of obskit pass obskit doctor after the diff."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from obskit import stack
from obskit.cli._adopt import plan
from obskit.errors import StackError

OBSKIT = (sys.executable, "-c", "from obskit.cli.main import run; run()")

STRANGER = '''"""The stranger: it knows nothing of obskit. Größe: 1 µm."""

from __future__ import annotations

import os

import httpx
from fastapi import FastAPI
from sqlalchemy import create_engine

engine = create_engine("sqlite://")
client = httpx.AsyncClient(timeout=5)
app = FastAPI(
    title="größer",
    version="2",
)


@app.get("/items/{item}")
async def show(item: int) -> dict[str, object]:
    with engine.connect() as connection:
        connection.exec_driver_sql("select 1")
    return {"item": item, "home": bool(os.environ)}


@app.get("/items")
async def items() -> list[int]:
    return []
'''
FACTORY = """from fastapi import FastAPI


def create_app():
    return FastAPI()
"""
PYPROJECT = """[project]
name = "Stranger_Shop"
version = "2"
dependencies = [
    "fastapi>=0.115",
    "httpx",  # calls others
    "sqlalchemy"  # keeps things
]

[project.optional-dependencies]
dev = ["pytest"]
"""


@pytest.fixture
def project(tmp_path):
    """Makes a folder of files."""

    def made(**files):
        root = tmp_path / "project"
        for name, text in files.items():
            path = root / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return made


def stranger(project):
    return project(shop__main_DOT_py=STRANGER, shop__util_DOT_py="import os\n", pyproject_DOT_toml=PYPROJECT)


def typed(*arguments, cwd):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OBSKIT_"))}
    return subprocess.run(
        [*OBSKIT, *arguments], cwd=cwd, env=kept, capture_output=True, text=True, check=False
    )


def test_the_diff_is_applied_by_git_and_the_application_passes_doctor(project, tmp_path):
    root = stranger(project)
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    shown = typed("adopt", str(root), cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert (root / "shop/main.py").read_text() == STRANGER  # showing changes nothing
    git = subprocess.run(
        ["git", "apply", "-"], cwd=copy, input=shown.stdout, text=True, capture_output=True, check=False
    )
    assert git.returncode == 0, git.stderr

    assert typed("adopt", str(root), "--apply", cwd=tmp_path).returncode == 0
    for path in copy.rglob("*.*"):
        assert path.read_bytes() == (root / path.relative_to(copy)).read_bytes()

    judged = json.loads(typed("doctor", "--app", "shop.main:app", "--json", cwd=copy).stdout)
    failed = [each for each in judged["findings"] if each["state"] == "fail"]
    assert failed == []
    said = {each["check"]: each["what"] for each in judged["findings"]}
    assert said["instrumented"] == "as service 'stranger-shop'"
    assert said["request"] == "GET /items answered 200"
    assert {"server span", "exemplar", "access line"} <= said.keys()


def test_only_what_is_missing_changes(project):
    changes = {change.path.name: change.after for change in plan(stranger(project)).changes}

    main = changes["main.py"]
    assert main.splitlines()[:10] == [
        '"""The stranger: it knows nothing of obskit. Größe: 1 µm."""',
        "",
        "from __future__ import annotations",
        "",
        "import os",
        "",
        "import httpx",
        "import obskit",
        "from fastapi import FastAPI",
        "from sqlalchemy import create_engine",
    ]
    assert 'engine = obskit.instrument(create_engine("sqlite://"))\n' in main
    assert "client = obskit.instrument(httpx.AsyncClient(timeout=5))\n" in main
    assert 'obskit.init(service="stranger-shop")\napp = obskit.instrument(FastAPI(\n' in main
    assert '    version="2",\n))\n' in main
    assert (
        '    "sqlalchemy",  # keeps things\n    "obskit-starter-kit[db,fastapi,httpx]",\n]'
        in changes["pyproject.toml"]
    )
    assert changes.keys() == {"main.py", "pyproject.toml", "obskit.toml"}


def test_its_obskit_toml_is_one_that_obskit_up_takes(project):
    root = stranger(project)
    plan(root, port=8123).apply()

    (service,) = stack.find_project(root).services
    assert service.command == ("uvicorn", "shop.main:app", "--port", "{port}")
    assert service.ports == (8123,)
    assert [one.name for one in service.objectives] == ["availability", "latency"]


def test_the_same_again_changes_nothing(project, tmp_path):
    root = stranger(project)
    plan(root).apply()

    assert plan(root).changes == ()
    again = typed("adopt", str(root), cwd=tmp_path)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "Nothing is missing.\n")


def test_a_factory_returns_an_observed_application(project):
    root = project(src__shop__app_DOT_py=FACTORY, requirements_DOT_txt="fastapi")
    changes = {change.path.name: change.after for change in plan(root, service="shop").changes}

    assert changes["app.py"] == (
        "import obskit\nfrom fastapi import FastAPI\n\n\ndef create_app():\n"
        '    obskit.init(service="shop")\n    return obskit.instrument(FastAPI())\n'
    )
    assert changes["requirements.txt"] == "fastapi\nobskit-starter-kit[fastapi]\n"
    assert (
        'command = "uvicorn --factory shop.app:create_app --app-dir src --port {port}"'
        in changes["obskit.toml"]
    )


def test_a_flask_application_is_observed_and_started_by_flask(project, tmp_path):
    text = 'from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get("/")\ndef root():\n    return "hello"\n'
    root = project(src__shop__app_DOT_py=text, src__shop____init___DOT_py="", requirements_DOT_txt="flask\n")
    found = plan(root, service="shop")
    found.apply()

    changes = {change.path.name: change.after for change in found.changes}
    assert 'obskit.init(service="shop")\napp = obskit.instrument(Flask(__name__))\n' in changes["app.py"]
    assert changes["requirements.txt"] == "flask\nobskit-starter-kit\n"
    (service,) = stack.find_project(root).services
    assert service.command == ("flask", "--app", "src/shop/app.py:app", "run", "--port", "{port}")
    asked = "import sys; sys.path.insert(0, 'src'); from shop.app import app; c = app.test_client(); c.get('/').close(); "
    asked += "print(c.get('/metrics').text)"
    page = subprocess.run(
        [sys.executable, "-c", asked], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert 'service_name="shop"' in page
    assert "http_server_request_duration_seconds_count" in page
    routes = subprocess.run(
        [sys.executable, "-m", *service.command[:3], "routes"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "GET" in routes.stdout  # Flask's own command finds it


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('dependencies = ["a", "b"]', 'dependencies = ["a", "b", "obskit-starter-kit[fastapi]"]'),
        ("dependencies = []", 'dependencies = ["obskit-starter-kit[fastapi]"]'),
        ('dependencies = ["a[x]",]', 'dependencies = ["a[x]","obskit-starter-kit[fastapi]"]'),
        ('dependencies = [\n  "a",\n]', 'dependencies = [\n  "a",\n  "obskit-starter-kit[fastapi]",\n]'),
    ],
)
def test_the_dependency_is_added_whatever_the_list_looks_like(project, before, after):
    root = project(app_DOT_py=FACTORY, pyproject_DOT_toml=f'[project]\nname = "shop"\n{before}\n')
    changes = {change.path.name: change.after for change in plan(root).changes}

    assert changes["pyproject.toml"] == f'[project]\nname = "shop"\n{after}\n'


def test_poetry_has_a_table_of_its_own(project):
    text = '[tool.poetry]\nname = "shop"\n\n[tool.poetry.dependencies]\npython = "^3.11"\n'
    changes = {
        change.path.name: change.after
        for change in plan(project(app_DOT_py=FACTORY, pyproject_DOT_toml=text)).changes
    }

    assert (
        '[tool.poetry.dependencies]\nobskit-starter-kit = {extras = ["fastapi"], version = "*"}\n'
        in (changes["pyproject.toml"])
    )


def test_without_a_list_of_dependencies_it_says_what_to_add(project):
    found = plan(project(app_DOT_py=FACTORY))

    assert found.notes == (
        "No pyproject.toml or requirements.txt names dependencies; add obskit-starter-kit[fastapi].",
    )


def test_a_statement_that_shares_its_line_is_left_and_named(project):
    root = project(
        app_DOT_py="from fastapi import FastAPI\nif True: app = FastAPI()\n", requirements_DOT_txt=""
    )
    found = plan(root)

    assert found.notes == ("app.py is left as it is: line 2 holds more than one statement.",)
    assert "app.py" not in {change.path.name for change in found.changes}


def test_what_observes_each_request_too_is_named(project):
    text = f"from prometheus_fastapi_instrumentator import Instrumentator\n{FACTORY}"
    found = plan(project(app_DOT_py=text, requirements_DOT_txt=""))

    assert "prometheus_fastapi_instrumentator observes each request too; take it out." in found.notes[0]


def test_a_file_without_a_last_newline_can_be_applied(project, tmp_path):
    root = project(app_DOT_py=FACTORY.rstrip(), requirements_DOT_txt="fastapi")
    shown = typed("adopt", str(root), "--service", "shop", cwd=tmp_path)

    git = subprocess.run(["git", "apply", "-"], cwd=root, input=shown.stdout, text=True, check=False)
    assert git.returncode == 0
    assert (root / "app.py").read_text().endswith("return obskit.instrument(FastAPI())")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"app_DOT_py": "print(1)\n"}, "There is no FastAPI, Starlette or Flask application in"),
        ({"a_DOT_py": FACTORY, "b_DOT_py": FACTORY}, "There are 2 applications in .*: a.py:5, b.py:5"),
    ],
)
def test_a_folder_that_is_not_one_service_is_refused(project, files, says):
    with pytest.raises(StackError, match=says) as caught:
        plan(project(**files))
    assert "obskit adopt FOLDER" in caught.value.fix


def test_tests_and_virtual_environments_are_not_looked_at(project):
    root = project(
        app_DOT_py=FACTORY,
        tests__test_app_DOT_py=FACTORY,
        _DOT_venv__lib__x_DOT_py=FACTORY,
        broken_DOT_py="def (",
        requirements_DOT_txt="",
    )

    assert {change.path.name for change in plan(root).changes} == {
        "app.py",
        "requirements.txt",
        "obskit.toml",
    }


def test_an_obskit_toml_that_names_no_service_keeps_what_it_says(project):
    root = project(app_DOT_py=FACTORY, requirements_DOT_txt="", obskit_DOT_toml="samples = false\n")
    plan(root, service="shop").apply()

    found = stack.find_project(root)
    assert ([one.name for one in found.services], found.samples) == (["shop"], False)
