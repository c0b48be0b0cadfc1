import importlib.util
import json
from pathlib import Path

FOLDER = Path(__file__).parent


def test_readme_shows_the_figures_of_the_committed_run():
    spec = importlib.util.spec_from_file_location("bench_table", FOLDER / "table.py")
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    result = json.loads((FOLDER.parents[1] / "bench.json").read_text())
    readme = table.README.read_text()
    assert "<!-- bench:begin -->" in readme
    assert table.made(result) in readme, "run: make bench"
    assert result["versions"], "the peers' versions are named"
