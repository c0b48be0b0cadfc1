"""Writes the figures of bench.json into the README, between two markers."""

import re
from collections.abc import Callable
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"(<!-- bench:begin -->\n).*?(<!-- bench:end -->)", re.DOTALL)
_GROWN = re.compile(r"(\w+?)_(\d+)_(s|lines_s)")
_UNITS = {"s": "s", "lines_s": "lines a second"}
NAMES = {
    "bare": "FastAPI alone",
    "contrib": "opentelemetry-instrumentation-fastapi (traces)",
    "contrib, unsampled": "opentelemetry-instrumentation-fastapi, unsampled",
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
    return "\n\n".join([_budgets(parts), *found, _made_with(result)])


def _share(parts: dict, name: str) -> float:
    return parts["request"][name]["added_cpu_us"] / parts["request"]["contrib"]["added_cpu_us"]


def _wall_share(parts: dict) -> float:
    walls = {name: each["added_wall_us"] for name, each in parts["tight"].items()}
    return walls["obskit"] / min(walls["contrib"], walls["native"])


_BUDGETS: tuple[tuple[str, str, float, str, Callable[[dict], float]], ...] = (
    ("CPU of a request, everything on, of contrib's traces", "≤", 0.40, "", lambda at: _share(at, "obskit")),
    ("the same, unsampled", "≤", 0.15, "", lambda at: _share(at, "obskit, unsampled")),
    ("wall time in a tight loop, of the cheapest peer with traces", "≤", 1.0, "", _wall_share),
    ("requests/s kept, empty route", "≥", 0.55, "", lambda at: at["served"]["empty route"]["obskit"]["kept"]),
    (
        "requests/s kept, 1 ms of CPU work",
        *("≥", 0.85, ""),
        lambda at: at["served"]["1 ms of CPU work"]["obskit"]["kept"],
    ),
    ("p50, collector black-holed, of healthy", "≤", 1.05, "", lambda at: at["black hole"]["p50_ratio"]),
    ("p99, collector black-holed, of healthy", "≤", 1.20, "", lambda at: at["black hole"]["p99_ratio"]),
    ("memory added, collector black-holed", "≤", 20, " MB", lambda at: at["black hole"]["rss_added_mb"]),
    ("shutdown, collector black-holed", "≤", 5, " s", lambda at: at["black hole"]["black-holed"]["ended_s"]),
    ("store: lines taken a second", "≥", 20_000, "", lambda at: at["embedded"]["tail_lines_s"]),
    (
        "store: label and text filter over 1 M lines",
        "≤",
        1,
        " s",
        lambda at: at["embedded"]["filter_1000000_s"],
    ),
    ("`obskit up` to ready", "≤", 20, " s", lambda at: at["ready"]["up_s"]),
    ("memory of the whole stack", "≤", 1600, " MB", lambda at: at["ready"]["pss_mb"]),
    ("CPU of importing what a service uses", "≤", 250, " ms", lambda at: at["import"]["obskit"]),
)
"""What is promised: text, whether it is the most or the least, the limit, its unit, and where it is measured."""


def _budgets(parts: dict) -> str:
    rows: list[list[object]] = []
    for text, sign, limit, unit, measured in _BUDGETS:
        try:
            value = measured(parts)
        except KeyError:
            continue  # a part that was not measured yet
        is_held = value <= limit if sign == "≤" else value >= limit
        rows.append(
            [text, f"{sign} {_brief(limit)}{unit}", f"{_brief(value)}{unit}", "yes" if is_held else "**no**"]
        )
    return _table(["budget", "limit", "measured", "held"], rows)


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
        [
            f"{NAMES.get(name, name)}, {_counted(count)}",
            f"{each['added_cpu_us']:.0f}",
            f"{each['added_cpu_us'] / figures['bare']['cpu_us']:.0%}",
        ]
        for count, figures in parts["routes"].items()
        for name, each in figures.items()
        if name != "bare"
    ]
    return _table(["added on the thread of a request to the last route", "CPU, µs", "of FastAPI alone"], rows)


def _counted(routes: str) -> str:
    return "1 route" if routes == "1" else f"{routes} routes"


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
        for name, each in figures.items()
    ]
    head = ["under uvicorn", "requests/s", "kept", "p50 added, ms", "p99 added, ms"]
    return _table(head, rows)


def _memory(parts: dict) -> str:
    said = (f"{mb:.0f} MB after {int(count):,} requests" for count, mb in parts["memory"].items())
    return f"The server with obskit has {', '.join(said)}."


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
    return f"Importing what a service uses of obskit takes {parts['import']['obskit']:.0f} ms of CPU, {parts['import']['core libraries']:.0f} of them for the libraries under it."


def _embedded(parts: dict) -> str:
    figures = parts["embedded"]
    timed = {found.groups(): each for name, each in figures.items() if (found := _GROWN.fullmatch(name))}
    sizes = sorted({int(size) for _, size, _ in timed})
    kinds = dict.fromkeys((name, unit) for name, _, unit in timed)
    rows = [
        [f"{name.replace('_', ' ')}, {_UNITS[unit]}", *(_brief(timed[name, str(n), unit]) for n in sizes)]
        for name, unit in kinds
    ]
    return _table(["embedded store", *(f"{size:,} lines" for size in sizes)], rows)


def _brief(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _ready(parts: dict) -> str:
    found = parts["ready"]
    return f"`obskit up` takes {found['up_s']} s until all is ready; the whole stack then has {found['pss_mb'] / 1000:.1f} GB."


_MAKERS = {
    "request": _request,
    "routes": _routes,
    "served": _served,
    "memory": _memory,
    "black hole": _black_hole,
    "calls": _calls,
    "pages": _pages,
    "shutdown": _shutdown,
    "embedded": _embedded,
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
