"""``obskit dashboards``: build the boards from their sources, and check them."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import typer

from obskit import stack
from obskit._assets import asset
from obskit._extras import require
from obskit.cli._options import HomeOption, JsonOption, MixinOption
from obskit.cli._output import print_json, print_lines, progress_console, table
from obskit.errors import StackError

if TYPE_CHECKING:
    from obskit.boards import Asked, Finding

__all__ = ["dashboards"]

dashboards = typer.Typer(name="dashboards", no_args_is_help=True)

_PREFIX = "obskit-"

Board = Annotated[str, typer.Argument(metavar="BOARD", help="One of obskit dashboards list, or of yours.")]
Png = Annotated[Path, typer.Option("--png", metavar="FILE", help="Write the picture there.")]
Begin = Annotated[str, typer.Option("--from", metavar="TIME", help="Where it begins: now-1h, or RFC 3339.")]
Until = Annotated[str, typer.Option("--to", metavar="TIME", help="Where it ends.")]
Width = Annotated[int, typer.Option(min=1024, max=4096, metavar="PIXELS", help="Width of the picture.")]

Destination = Annotated[
    Path | None, typer.Option("--to", metavar="FOLDER", help="Write there instead of dashboards/json.")
]
Source = Annotated[
    Path | None,
    typer.Option("--from", metavar="FOLDER", exists=True, file_okay=False, help="Your own boards, not ours."),
]
Live = Annotated[bool, typer.Option("--live", help="Ask every query of every panel of running stores.")]
_ADDRESS = "Address of {0}; that of the running stack by default."
NewName = Annotated[
    str, typer.Argument(metavar="NAME", help="Small letters and dashes, such as shop-orders.")
]
MetricsUrl = Annotated[
    str, typer.Option("--url", metavar="URL", help="A /metrics page; a panel for each of its own metrics.")
]
MetricNames = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="NAME:TYPE:LABEL", help="A metric and its labels; may be repeated."),
]
NewFolder = Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder of your boards.")]
PrometheusUrl = Annotated[
    str, typer.Option("--prometheus", metavar="URL", help=_ADDRESS.format("Prometheus"))
]
LokiUrl = Annotated[str, typer.Option("--loki", metavar="URL", help=_ADDRESS.format("Loki"))]
TempoUrl = Annotated[str, typer.Option("--tempo", metavar="URL", help=_ADDRESS.format("Tempo"))]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FOLDER", help="Write the coverage matrix of --live there.")
]
Url = Annotated[str, typer.Option("--url", metavar="URL", envvar="GRAFANA_URL", help="Address of Grafana.")]
Token = Annotated[
    str,
    typer.Option("--token", metavar="TOKEN", envvar="GRAFANA_TOKEN", help="Token of a service account."),
]
Folder = Annotated[str, typer.Option("--folder", metavar="TITLE", help="Grafana's folder for the boards.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace boards that differ in Grafana.")]


@dashboards.callback()
def _dashboards(context: typer.Context) -> None:
    """Build the boards from their Python sources, check them, and take pictures of them.

    \b
    Example:
      obskit dashboards list
      obskit dashboards build
      obskit dashboards check
      obskit dashboards preview service --png service.png
    """
    if context.invoked_subcommand != "preview":  # which reads what was built
        require("grafana_foundation_sdk", extra="dashboards", used_by="obskit dashboards")


@dashboards.command("list")
def list_boards(as_json: JsonOption = False) -> None:
    """List the boards; works with the stack down.

    \b
    Example:
      obskit dashboards list
      obskit dashboards list --json
    """
    from obskit.boards import boards

    rows = [{"uid": board.uid, "title": board.title, "question": board.question} for board in boards()]
    if as_json:
        print_json(rows)
    else:
        table(["uid", "title", "question"], [list(row.values()) for row in rows])


@dashboards.command("build")
def build_boards(destination: Destination = None, source: Source = None, config: MixinOption = None) -> None:
    """Write the JSON of every board; the same sources give the same bytes.

    With --config the boards have your labels, and draw the limits of your objectives: see the
    table [mixin] in dashboards/README.md.

    \b
    Example:
      obskit dashboards build
      obskit dashboards build --to /tmp/boards
      obskit dashboards build --from my_dashboards
      obskit dashboards build --config obskit.toml --to my_boards
    """
    from obskit.boards import build

    if config is None:
        print_lines(*(str(path) for path in build(destination, source=source)))
        return
    from obskit.cli._mixed import build_mixed

    print_lines(*(str(path) for path in build_mixed(config, destination, source)))


@dashboards.command("check")
def check_boards(
    live: Live = False,
    prometheus: PrometheusUrl = "",
    loki: LokiUrl = "",
    tempo: TempoUrl = "",
    report: Report = None,
    source: Source = None,
    config: MixinOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every board against the house rules, its queries and the catalogue; exit 1 on a finding.

    With --live every query is asked too: an error, a panel that is empty and does not say so,
    NaN alone, or a ratio outside 0 to 1 is a finding. With --config they are asked with your labels.

    \b
    Example:
      obskit dashboards check
      obskit dashboards check --live --report .obskit/reports
      obskit dashboards check --live --prometheus http://127.0.0.1:9090
    """
    from obskit.boards import judge
    from obskit.cli._board_checks import LiveOptions, check_live, offline, write_report
    from obskit.cli._mixed import mixin_of

    findings = offline(source)
    asked: tuple[Asked, ...] = ()
    if live:
        with mixin_of(config) as mixin:
            asked = check_live(LiveOptions(home, prometheus, loki, tempo), source, mixin)
        findings += judge(asked)
        if report is not None:
            for path in write_report(asked, report):
                progress_console().print(f"wrote {path}", markup=False)
    _show_findings(findings, asked, as_json=as_json)
    if findings:
        raise typer.Exit(1)


def _show_findings(findings: "list[Finding]", asked: "tuple[Asked, ...]", *, as_json: bool) -> None:
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
        return
    print_lines(*(str(finding) for finding in findings))
    if asked:
        panels = {(one.board, one.panel) for one in asked}
        filled = {(one.board, one.panel) for one in asked if one.series}
        slowest = max(asked, key=lambda one: one.ms)
        print_lines(
            f"{len(asked)} queries of {len(panels)} panels asked: {len(filled)} panels with data, "
            f"slowest {slowest.ms:g} ms ({slowest.board} / {slowest.panel})"
        )
    print_lines(f"{len(findings)} findings")


@dashboards.command("new")
def new_board(
    name: NewName, url: MetricsUrl = "", metric: MetricNames = None, folder: NewFolder = Path("dashboards")
) -> None:
    """Write the skeleton of a board for your own metrics; obskit's checks apply to it too.

    \b
    Example:
      obskit dashboards new shop-orders --url http://127.0.0.1:8000/metrics
      obskit dashboards new shop-orders --metric shop_orders_total:counter:kind
    """
    from obskit.boards import described, exposed, write_board

    metrics = (*described(metric or ()), *(exposed(url) if url else ()))
    path = write_board(name, metrics, folder)
    print_lines(
        str(path),
        "Say in it what each panel is for, then run:",
        f"obskit dashboards build --from {folder}",
        f"obskit dashboards check --from {folder}",
    )


@dashboards.command("push")
def push_boards(
    url: Url = "",
    token: Token = "",
    folder: Folder = "obskit",
    overwrite: Overwrite = False,
    source: Source = None,
    config: MixinOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store the boards in a running Grafana; a board that is there already is left alone.

    The token is better given in the environment variable GRAFANA_TOKEN: a command line can be read by others.

    \b
    Example:
      obskit dashboards push --url https://grafana.example.org
      obskit dashboards push --url http://127.0.0.1:3000 --folder Shop --overwrite
      obskit dashboards push --url https://grafana.example.org --config obskit.toml
    """
    from obskit.boards import Grafana
    from obskit.cli._mixed import mixin_of

    with mixin_of(config) as mixin:
        pushed = Grafana(url, token, folder).push(source, overwrite=overwrite, mixin=mixin)
    if as_json:
        print_json([dataclasses.asdict(one) for one in pushed])
    else:
        table(["board", "outcome", "address"], [[one.uid, one.outcome, one.url] for one in pushed])


@dashboards.command("preview")
def preview_board(
    board: Board,
    png: Png,
    begin: Begin = "now-15m",
    until: Until = "now",
    width: Width = 1600,
    home: HomeOption = None,
) -> None:
    """Take a picture of a board as the console shows it now; needs the stack and a Chromium.

    \b
    Example:
      obskit dashboards preview service --png service.png
      obskit dashboards preview sync-async --png sync.png --from now-5m
    """
    from obskit.console import take_picture

    chosen = stack.Home.at(home)
    uid = _uid(board, chosen)
    console = stack.current_address(chosen, "console")
    if not stack.status(chosen).is_running:
        msg = f"No stack is running in {chosen.root}, so there is no data to show."
        raise StackError(msg, fix="obskit up")
    query = urlencode({"from": begin, "to": until})
    take_picture(f"{console}/d/{uid}?{query}", png, width=width)
    print_lines(str(png))


def _uid(board: str, home: stack.Home) -> str:
    """Return the uid of *board*: one of ours, or one of those that obskit.toml gave the stack."""
    ours = [f"{_PREFIX}{path.stem}" for path in asset("dashboards", "json").glob("*.json")]
    known = sorted([*ours, *(path.stem for path in home.boards.glob("*.json"))])
    found = next((uid for uid in (board, f"{_PREFIX}{board}") if uid in known), None)
    if found is None:
        names = ", ".join(uid.removeprefix(_PREFIX) for uid in known)
        msg = f"There is no board {board.removeprefix(_PREFIX)!r}; there are {names}."
        raise StackError(msg, fix="obskit dashboards list, or obskit up after boards of yours were built")
    return found
