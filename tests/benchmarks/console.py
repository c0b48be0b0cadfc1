"""Measures the console in a browser: a board of 20 panels over a day, and four tabs that refresh.

``python tests/benchmarks/console.py`` runs it alone. Prometheus with a day of backfilled history, the
embedded store and the console are processes of their own; Chromium, which is the reader's, is not counted
in the processor time of the tabs.
"""

import importlib.util
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import BrowserContext, sync_playwright

BOARD = "obskit-service"
TABS = ("obskit-overview", "obskit-service", "obskit-sync-async", "obskit-host")
BUDGETS = {"first_paint_s": 2.0, "panels_s": 5.0, "four_tabs_cores": 0.5}
ROUNDS = 3
WATCHED_S = 60.0
STEP_S = 60
HALF_DAY = 12 * 3600 // STEP_S
BOARDS = Path(__file__).parent.parent.parent / "dashboards" / "json"
_DEADLINE_S = 300
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_READY = """() => {
    const panels = [...document.querySelectorAll('[data-panel]')];
    return panels.length > 0 && panels.every(each => each.dataset.state !== 'reading') && performance.now() / 1000;
}"""
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime / 1000"


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Return the figures of one run: medians of *rounds* in seconds, and cores."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as (console, processes),
        sync_playwright() as playwright,
    ):
        program = shutil.which("chromium") or "/usr/bin/chromium"
        browser = playwright.chromium.launch(
            executable_path=program, args=list(_FLAGS), timeout=_DEADLINE_S * 1000
        )
        opened = [_open(browser.new_context(), console) for _ in range(rounds)]
        figures = {name: statistics.median(row[name] for row in opened[1:] or opened) for name in opened[0]}
        figures["first_open_panels_s"] = opened[0]["panels_s"]
        figures |= _tabs(browser.new_context(), console, processes)
        browser.close()
    return {name: round(value, 3) for name, value in figures.items()}


def _open(context: BrowserContext, console: str) -> dict[str, float]:
    """Open the board over a day, with nothing in the browser's cache."""
    page = context.new_page()
    page.set_default_timeout(_DEADLINE_S * 1000)
    page.goto(f"{console}/d/{BOARD}?from=now-24h", wait_until="commit")
    ready = page.wait_for_function(_READY).json_value()
    figures = {
        "first_paint_s": page.evaluate(_PAINTED),
        "panels_s": ready,
        "panels": float(page.locator("[data-panel]").count()),
        "panels_with_data": float(page.locator("[data-panel][data-state=ready]").count()),
    }
    context.close()
    return figures


def _tabs(context: BrowserContext, console: str, processes: dict[str, psutil.Process]) -> dict[str, float]:
    """Return how many cores the processes use while four boards refresh every 5 s."""
    for uid in TABS:
        page = context.new_page()
        page.set_default_timeout(_DEADLINE_S * 1000)
        page.goto(f"{console}/d/{uid}?from=now-1h&refresh=5", wait_until="commit")
        page.wait_for_function(_READY)
    before, began = _spent(processes), time.monotonic()
    page.wait_for_timeout(WATCHED_S * 1000)
    seconds = time.monotonic() - began
    used = {name: (after - before[name]) / seconds for name, after in _spent(processes).items()}
    return {"four_tabs_cores": sum(used.values())} | {
        f"four_tabs_{name}": each for name, each in used.items()
    }


def _spent(processes: dict[str, psutil.Process]) -> dict[str, float]:
    """Return the processor time of each process so far, in seconds."""
    return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}


@contextmanager
def running(home: Path) -> Iterator[tuple[str, dict[str, psutil.Process]]]:
    """Run Prometheus with a day of history, the embedded store and the console; give its address."""
    for folder in ("secrets", "data", "logs"):
        (home / folder).mkdir()
    (home / "secrets" / "admin_token").write_text("x" * 32)
    ports = {name: _free_port() for name in ("prometheus", "loki", "tempo", "otlp", "console")}
    _backfill(home)
    with ExitStack() as stack:
        processes = {}
        for name, command in _commands(home, ports).items():
            output = stack.enter_context((home / f"{name}.out").open("w"))
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=home)
            stack.callback(_end, process)
            processes[name] = psutil.Process(process.pid)
        for name, path in (("prometheus", "/-/ready"), ("loki", "/ready"), ("console", "/readyz")):
            _wait(f"http://127.0.0.1:{ports[name]}{path}")
        yield f"http://127.0.0.1:{ports['console']}", processes


def _commands(home: Path, ports: dict[str, int]) -> dict[str, list[str]]:
    url = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    python = [sys.executable, "-m"]
    return {
        "prometheus": [
            str(shutil.which("prometheus")),
            f"--config.file={home / 'prometheus.yml'}",
            f"--storage.tsdb.path={home / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
            "--enable-feature=exemplar-storage",
        ],
        "embedded": [
            *(*python, "obskit.embedded", f"--home={home}", f"--log-dir={home / 'logs'}"),
            *(f"--{name}-port={ports[name]}" for name in ("loki", "tempo", "otlp")),
        ],
        "console": [
            *(*python, "obskit.console", f"--home={home}", f"--port={ports['console']}"),
            *(f"--prometheus-url={url['prometheus']}", f"--logs-url={url['loki']}"),
            f"--traces-url={url['tempo']}",
        ],
    }


def _backfill(home: Path) -> None:
    """Write a day of every series that the measured boards name, until a little after now."""
    folder = Path(__file__).parent.parent / "boards"
    spec = importlib.util.spec_from_file_location("boards_history", folder / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Its two hours become two half days.
    module.STEP_S, module.HOUR = STEP_S, HALF_DAY
    module.START = int(time.time()) // STEP_S * STEP_S + 3600 - 2 * HALF_DAY * STEP_S
    wanted = "".join((BOARDS / f"{uid.removeprefix('obskit-')}.json").read_text() for uid in {BOARD, *TABS})

    class Wanted(module.History):
        """Only what the boards ask for."""

        def _write(self, family: str, *rest: object) -> None:
            if family in wanted:
                super()._write(family, *rest)

    (home / "history.txt").write_text(Wanted().read(folder / "data" / "history.yaml").text())
    source = home / "history.txt"
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(source), str(home / "tsdb")]
    subprocess.run(command, check=True, capture_output=True)
    source.unlink()
    (home / "prometheus.yml").write_text(json.dumps({"global": {"scrape_interval": f"{STEP_S}s"}}))


def _wait(url: str) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=10).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    message = f"{url} is not ready"
    raise RuntimeError(message)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def report(figures: dict[str, float]) -> bool:
    """Print *figures* beside their budgets; return whether all are met."""
    met = True
    print(f"\n{'console':<26}{'measured':>12}{'budget':>10}")
    for name, value in figures.items():
        budget = BUDGETS.get(name)
        is_met = budget is None or value <= budget
        met &= is_met
        print(
            f"{name:<26}{value:>12.3f}{'' if budget is None else f'{budget:g}':>10}{'' if is_met else '  missed'}"
        )
    return met


if __name__ == "__main__":
    sys.exit(0 if report(measure()) else 1)
