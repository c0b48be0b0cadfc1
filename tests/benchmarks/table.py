"""Writes the figures of bench.json into the README, between two markers."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", re.DOTALL)
NAMES = {
    "bare": "FastAPI alone",
    "contrib": "opentelemetry-instrumentation-fastapi (traces)",
    "contrib, unsampled": "the same, unsampled",
    "native": "FastAPI's own telemetry (traces)",
    "instrumentator": "prometheus-fastapi-instrumentator (metrics)",
    "starlette-exporter": "starlette-exporter (metrics)",
    "hand-wired": "contrib, instrumentator, asgi-correlation-id and structlog",
    "logfire": "logfire, sending nothing to its service (traces)",
    "lite-bootstrap": "lite-bootstrap",
    "obskit": "**obskit, everything on**",
    "obskit, unsampled": "**obskit, unsampled**",
}


def written(readme: str, result: dict) -> str:
    """Return *readme* with the table of *result* in its place."""
    return _BLOCK.sub(lambda found: f"{found[1]}{made(result)}\n{found[2]}", readme)


def write(result: dict) -> None:
    """Write the table of *result* into the README."""
    README.write_text(written(README.read_text(), result))


def made(result: dict) -> str:
    """Return the tables of *result*, and below them what they were made with."""
    parts = {name: part["figures"] for name, part in result["parts"].items()}
    found = [maker(parts) for name, maker in _MAKERS.items() if name in parts]
    return "\n\n".join([*found, _made_with(result)])


def _table(head: list[str], rows: list[list[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _request(parts: dict) -> str:
    figures, walls = parts["request"], parts.get("tight", {})
    whole = figures["contrib"]["added_cpu_us"]
    head = ["added to a request", "CPU, µs", "of contrib's traces", "wall in a tight loop, µs"]
    return _table(
        head,
        [
            [
                NAMES.get(name, name),
                f"{each['added_cpu_us']:.0f}",
                f"{each['added_cpu_us'] / whole:.2f}",
                f"{walls[name]['added_wall_us']:.0f}" if name in walls else "",
            ]
            for name, each in figures.items()
            if name != "bare"
        ],
    )


def _routes(parts: dict) -> str:
    rows = [
        [f"{NAMES.get(name, name)}, {count} routes", f"{each['added_cpu_us']:.0f}"]
        for count, figures in parts["routes"].items()
        for name, each in figures.items()
        if name != "bare"
    ]
    return _table(["added to a request to the last route", "CPU, µs"], rows)


def _served(parts: dict) -> str:
    rows = [
        [
            f"{NAMES.get(name, name)}, {route}",
            f"{each['requests_s']:.0f}",
            f"{each['kept']:.0%}",
            f"{each['added_p50_ms']:.2f}",
            f"{each['added_p99_ms']:.2f}",
        ]
        for route, figures in parts["served"].items()
        if route != "memory"
        for name, each in figures.items()
    ]
    return _table(["under uvicorn", "requests/s", "kept", "p50 added, ms", "p99 added, ms"], rows)


def _black_hole(parts: dict) -> str:
    found = parts["black hole"]
    rows = [
        [
            state,
            f"{each['p50_ms']:.2f}",
            f"{each['p99_ms']:.2f}",
            f"{each['rss_mb']:.0f}",
            f"{each['ended_s']:.1f}",
        ]
        for state, each in found.items()
        if isinstance(each, dict)
    ]
    return _table(["obskit's collector is", "p50, ms", "p99, ms", "memory, MB", "shutdown, s"], rows)


def _calls(parts: dict) -> str:
    rows = [[name, f"{each['cpu_us']:.1f}"] for name, each in parts["calls"].items()]
    return _table(["one call", "CPU, µs"], rows)


def _pages(parts: dict) -> str:
    return _table(["/metrics page", "ms"], [[name, each["ms"]] for name, each in parts["pages"].items()])


def _shutdown(parts: dict) -> str:
    rows = [[NAMES.get(name, name), seconds] for name, seconds in parts["shutdown"].items()]
    return _table(["shutdown with a collector that answers nothing", "s"], rows)


def _rest(parts: dict) -> str:
    return f"`import obskit` takes {parts['import']['obskit']:.0f} ms of CPU, {parts['import']['core libraries']:.0f} of them for the libraries under it."


def _ready(parts: dict) -> str:
    found = parts["ready"]
    return f"`obskit up` takes {found['up_s']} s until all is ready; the whole stack then has {found['pss_mb'] / 1000:.1f} GB."


_MAKERS = {
    "request": _request,
    "routes": _routes,
    "served": _served,
    "black hole": _black_hole,
    "calls": _calls,
    "pages": _pages,
    "shutdown": _shutdown,
    "import": _rest,
    "ready": _ready,
}


def _made_with(result: dict) -> str:
    named = {}
    for each in result.get("versions", {}).values():
        named |= each
    machine = result["machine"]
    load = max((part["load_before"] for part in result["parts"].values()), default=0)
    return (
        f"Measured by `make bench` on {machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python "
        f"{machine['python']}, load {load} at most; variants take turns, medians. Versions: "
        + ", ".join(f"{name} {version}" for name, version in sorted(named.items()))
        + "."
    )
