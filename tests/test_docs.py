"""The docs say what the code says."""

import importlib.util
import re
from pathlib import Path

import pytest

import obskit

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not {".venv", ".obskit", "prove", "build"} & set(path.parts)
)


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tests" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", ["README.md", "obskit/README.md", "sample_services/labs/README.md"])
def test_tables_are_what_the_code_has(reference, path):
    assert (ROOT / path).read_text() == reference.written(path), "run: make readme"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and "{" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def anchors(page):
    """The names that GitHub gives the headings of *page*."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    words = [
        re.sub(r"[^\w\- ]", "", heading.lower()) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    ]
    return {heading.replace(" ", "-") for heading in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_headings_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text()):
        linked = page.parent / target if target else page
        if "://" not in target and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{page.name} links to {target}#{anchor}"


def test_every_public_name_is_documented():
    text = "\n".join(page.read_text() for page in PAGES)
    for name in obskit.__all__:
        assert name.startswith("__") or f"obskit.{name}" in text, name


def test_readme_code_runs(captured, reference):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    obskit.shutdown()
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert {"app", "obs", "log"} <= names.keys()


def test_every_make_target_of_the_readme_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z]+)`", page.read_text())) <= targets


def test_changelog_names_the_version_or_unreleased():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_alert_is_in_the_table_and_has_a_runbook():
    import yaml

    text = (ROOT / "alerts" / "README.md").read_text()
    for path in sorted((ROOT / "alerts").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text()).get("groups", []):
            for rule in group["rules"]:
                if "alert" in rule:
                    assert rule["alert"] in text
                    assert (ROOT / "alerts" / "runbooks" / f"{rule['alert']}.md").is_file()


def test_every_fault_is_in_the_table():
    import yaml

    text = (ROOT / "sample_services" / "README.md").read_text()
    for row in yaml.safe_load((ROOT / "sample_services" / "faults.yaml").read_text()):
        assert f"`{row['id']}`" in text


def test_every_board_is_in_the_table():
    text = (ROOT / "dashboards" / "README.md").read_text()
    boards = sorted((ROOT / "dashboards" / "json").glob("*.json"))
    assert boards
    for board in boards:
        assert f"obskit-{board.stem}" in text
