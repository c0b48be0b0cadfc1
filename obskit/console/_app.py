"""The console's application: its pages at their addresses."""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import nicegui
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from nicegui import ui

from obskit.console._access import Access
from obskit.console._alerts_page import AlertsPage
from obskit.console._board_page import board_page
from obskit.console._door import Door
from obskit.console._faults_page import FaultsPage
from obskit.console._html import Html, join, link, show, tag
from obskit.console._incidents_page import IncidentPage, IncidentsPage
from obskit.console._labs import Labs
from obskit.console._labs_page import LabsPage
from obskit.console._links import explored
from obskit.console._logs_page import logs_page
from obskit.console._map_page import MapPage
from obskit.console._model import Board, Boards
from obskit.console._overview_page import OverviewPage
from obskit.console._query_page import QueryPage
from obskit.console._shell import STATIC, Page, every_of, frame, page_of, problem
from obskit.console._sources import Sources
from obskit.console._trace_page import trace_page
from obskit.console._traces_page import traces_page

__all__ = ["build"]

_RECONNECT_S = 20.0
"""A machine that is busy answers late; a page that gives up sooner loses what it shows."""


def build(  # noqa: PLR0913 - what the process was started with
    app: FastAPI,
    sources: Sources,
    folder: Path,
    access: Access,
    *,
    hosts: Iterable[str] = (),
    home: Path | None = None,
) -> Door:
    """Give *app* the console's pages over *sources*, with the boards of *folder*; return what to serve.

    It answers to *hosts* too, beside the names of this machine. *home* is the state folder of the stack,
    whose ``boards`` are shown too.
    """
    access.serve(app)
    boards = Boards(folder, *([] if home is None else [home / "boards"]))
    _serve_boards(boards, sources)
    _serve_evidence(sources)
    _serve_trouble(sources, access)
    _serve_trials(boards, sources, access, Labs(home))
    _serve_explore(app)
    nicegui.app.add_static_files("/static", STATIC)
    # Tailwind's script reads every element in the browser, and the pages have a style of their own.
    ui.run_with(
        app,
        title="obskit",
        show_welcome_message=False,
        tailwind=False,
        reconnect_timeout=_RECONNECT_S,
    )
    return Door(app, nicegui.app, hosts)


def _serve_explore(app: FastAPI) -> None:
    @app.get("/explore", include_in_schema=False)
    async def explore(request: Request) -> RedirectResponse:
        """Lead an address of Grafana's Explore, as alerts have it, to the page of its kind."""
        address = explored(f"/explore?{request.url.query}")
        return RedirectResponse("/logs" if address.startswith("/explore") else address, 303)


def _serve_boards(boards: Mapping[str, Board], sources: Sources) -> None:
    @ui.page("/")
    def overview(request: Request) -> None:
        OverviewPage(page_of("/", request.query_params), sources).build()

    @ui.page("/boards")
    def listed(request: Request) -> None:
        page = page_of("/boards", request.query_params)
        with frame("Boards", page):
            show(
                tag("table", join([_board_row(board, page) for board in boards.values()]), class_="plain")
            ).classes("panel")

    @ui.page("/d/{uid}")
    def board(request: Request, uid: str) -> None:
        page = page_of(f"/d/{uid}", request.query_params)
        found = boards.get(uid)
        if found is None:
            _unknown(uid, boards)
            return
        if "from" not in request.query_params:
            page.begin, page.until = found.begins
        if "refresh" not in request.query_params:
            page.every = every_of(found.refresh)
        chosen = {
            name.removeprefix("var-"): request.query_params.getlist(name)
            for name in request.query_params
            if name.startswith("var-")
        }
        board_page(found, page, sources, chosen)


def _serve_evidence(sources: Sources) -> None:
    @ui.page("/logs")
    def logs(request: Request) -> None:
        logs_page(page_of("/logs", request.query_params), sources, request.query_params)

    @ui.page("/query")
    def query(request: Request) -> None:
        QueryPage(
            page_of("/query", request.query_params), sources, request.query_params.get("query", "")
        ).build()

    @ui.page("/traces")
    def traces(request: Request) -> None:
        traces_page(page_of("/traces", request.query_params), sources, request.query_params)

    @ui.page("/trace/{trace_id}")
    async def trace(request: Request, trace_id: str) -> None:
        await trace_page(trace_id, page_of("/traces", request.query_params), sources)

    @ui.page("/map")
    def service_map(request: Request) -> None:
        MapPage(page_of("/map", request.query_params), sources).build()


def _serve_trouble(sources: Sources, access: Access) -> None:
    @ui.page("/alerts")
    def alerts(request: Request) -> None:
        AlertsPage(page_of("/alerts", request.query_params), sources, access).build()

    @ui.page("/incidents")
    def incidents(request: Request) -> None:
        IncidentsPage(page_of("/incidents", request.query_params), sources).build()

    @ui.page("/incidents/{key}")
    def incident(request: Request, key: str) -> None:
        IncidentPage(key, page_of("/incidents", request.query_params), sources, access).build()

    @ui.page("/sign-in")
    def sign_in(request: Request) -> None:
        _sign_in(request.query_params.get("next", "/"), is_wrong="wrong" in request.query_params)


def _serve_trials(boards: Mapping[str, Board], sources: Sources, access: Access, labs: Labs) -> None:
    """Serve what is done on purpose: faults and labs."""
    nicegui.app.on_shutdown(labs.stop)

    @ui.page("/faults")
    def faults(request: Request) -> None:
        page = page_of("/faults", request.query_params)
        if "from" not in request.query_params:
            page.begin = "now-15m"  # what was just switched on has to be seen
        FaultsPage(page, sources, access, boards).build()

    @ui.page("/labs")
    def tried(request: Request) -> None:
        LabsPage(page_of("/labs", request.query_params), labs, access).build()


def _board_row(board: Board, page: Page) -> Html:
    return tag(
        "tr",
        tag("td", link(board.title, page.address(f"/d/{board.uid}"))),
        tag("td", str(board.json.get("description", ""))),
    )


def _sign_in(onward: str, *, is_wrong: bool) -> None:
    with frame("Sign in", page_of("/sign-in", {}), has_times=False):
        ui.label("To change something, show the admin token once in this browser.")
        ui.label("It is in .obskit/secrets/admin_token, or where OBSKIT_HOME is.").classes("faint")
        if is_wrong:
            problem("That is not the admin token.", "Copy the whole line of the file.")
        fields = join(
            [
                Html('<input type="password" name="token" aria-label="Admin token" autofocus class="mono">'),
                Html(f'<input type="hidden" name="next" value="{escape(onward, quote=True)}">'),
                tag("button", "Go on", type="submit"),
            ]
        )
        show(tag("form", fields, method="post", action="/sign-in", class_="sign-in"))


def _unknown(uid: str, boards: Mapping[str, Board]) -> None:
    with frame("No such board", page_of("/boards", {})):
        ui.label(f"There is no board {uid!r}.")
        show(join([tag("p", link(b.title, f"/d/{b.uid}")) for b in boards.values()]))
