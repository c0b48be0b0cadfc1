import re

import pytest


@pytest.fixture
def readme(folder):
    return (folder / "README.md").read_text()


def test_every_published_port_is_in_the_readme_and_every_port_of_it_is_published(readme, parsed):
    published = {port.split(":")[1] for one in parsed["services"].values() for port in one.get("ports", [])}
    assert set(re.findall(r"https?://127\.0\.0\.1:(\d+)", readme)) == published


def test_the_commands_of_the_readme_stand_in_the_compose_file_too(readme, folder):
    head = (folder / "compose.yaml").read_text().split("x-hardened")[0]
    for command in (
        "up --detach --build",
        "down --volumes",
    ):
        assert f"docker compose --env-file versions.env {command}" in readme
        assert f"docker compose --env-file versions.env {command}" in head


def test_the_readme_says_what_is_kept_as_it_is_set(readme, parsed, configs):
    assert "7 days, 2 GB" in readme
    assert "--storage.tsdb.retention.time=7d" in parsed["services"]["prometheus"]["command"]
    assert configs("loki/loki.yaml")["limits_config"]["retention_period"] == f"{7 * 24}h"
    assert (
        configs("tempo/tempo.yaml")["overrides"]["defaults"]["compaction"]["block_retention"] == f"{2 * 24}h"
    )


def test_the_readme_adds_up_the_memory(readme, parsed):
    total = 0
    for name, size in re.findall(r"^\| `(\w+)` \|.*\| (\d+) MB \|$", readme, re.MULTILINE):
        mine = [one for one in parsed["services"].values() if one["profiles"] == [name]]
        assert sum(int(one["mem_limit"].removesuffix("m")) for one in mine) == int(size), name
        total += int(size)
    assert f"add up to {total} MB" in readme


def test_every_folder_of_the_table_exists(readme, folder):
    for name in re.findall(r"`(\w+)/`", readme):
        assert (folder / name).is_dir(), name
    for name in re.findall(r"^\| `(\w+\.[\w.]+)` \|", readme, re.MULTILINE):
        assert (folder / name).is_file(), name
