"""The frame of every page: navigation, time range, refresh, dark and light."""

import datetime as dt
import functools
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from nicegui import background_tasks, context, events, ui

from obskit.console._html import Html, show, tag
from obskit.console._sources import SourceError
from obskit.console._theme import Theme
from obskit.console._window import Window, WindowError, duration_s

__all__ = ["STATIC", "Page", "Place", "every_of", "frame", "heading", "page_of", "problem", "troubled"]

RANGES = {
    "now-5m": "5 minutes",
    "now-15m": "15 minutes",
    "now-1h": "1 hour",
    "now-6h": "6 hours",
    "now-24h": "24 hours",
    "now-7d": "7 days",
}
REFRESHES = {"": "no refresh", "5": "5 s", "15": "15 s", "30": "30 s", "60": "1 min"}
NAVIGATION = (
    ("Overview", "/"),
    ("Boards", "/boards"),
    ("Logs", "/logs"),
    ("Traces", "/traces"),
    ("Map", "/map"),
    ("Alerts", "/alerts"),
    ("Incidents", "/incidents"),
    ("Faults", "/faults"),
    ("Labs", "/labs"),
)
_COOKIE = "obskit-theme"
STATIC = Path(__file__).parent / "static"
_MIN_RANGE_S = 10.0


@functools.cache
def _head() -> str:
    """Return the links to our style and script; another content has another address."""
    parts = [
        (path.suffix, f"/static/{path.name}?{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}")
        for path in sorted(STATIC.iterdir())
    ]
    written = {".css": '<link rel="stylesheet" href="{}">', ".js": '<script src="{}"></script>'}
    return "".join(written[suffix].format(address) for suffix, address in parts)


@dataclass
class Page:
    """What one open page shows: its time range, its refresh, and how it reads itself anew."""

    path: str
    begin: str = "now-1h"
    until: str = "now"
    every: str = ""
    dark: bool = True
    more: dict[str, str | Sequence[str]] = field(default_factory=dict)
    """Further parts of the address, such as a query or the variables of a board."""
    reload: Callable[[], Awaitable[None]] | None = None
    narrow: Callable[[float, float], None] | None = None
    """Shows another time range, from and to in Unix seconds."""
    is_seen: bool = True
    """Whether the browser shows it: a tab behind others asks for nothing."""

    @property
    def window(self) -> Window:
        """The time range now."""
        return Window.parse(self.begin, self.until)

    @property
    def theme(self) -> Theme:
        """The colours of charts."""
        return Theme.of(dark=self.dark)

    def address(self, path: str = "", **more: str) -> str:
        """Return this page's address, or that of *path* over the same time range."""
        parts: dict[str, str | Sequence[str]] = {"from": self.begin, "to": self.until}
        if self.every:
            parts["refresh"] = self.every
        parts.update(more if path else {**self.more, **more})
        listed = {name: value for name, value in parts.items() if value}
        return f"{path or self.path}?{urlencode(listed, doseq=True)}"

    def changed(self) -> None:
        """Put what the page shows now into the browser's address, and read it anew."""
        ui.navigate.history.replace(self.address())
        self.read()

    def often(self, every_s: float) -> None:
        """Read everything now, and again every *every_s* seconds while somebody looks."""
        ui.timer(0.01, self.read, once=True)
        ui.timer(every_s, lambda: self.read() if self.is_seen else None, immediate=False)

    def read(self) -> None:
        """Read everything anew, in the background."""
        if self.reload is not None:
            background_tasks.create_lazy(self.reload(), name=f"{context.client.id} reload")


def _is_dark() -> bool:
    """Tell whether this browser chose dark; it is the start."""
    request = context.client.request
    return request is None or request.cookies.get(_COOKIE) != "light"


def every_of(refresh: str) -> str:
    """Return *refresh*, in seconds or as Grafana writes it (``30s``), as a choice of the page; else none."""
    try:
        seconds = f"{duration_s(refresh):.0f}"
    except WindowError:
        seconds = refresh
    return seconds if seconds in REFRESHES else ""


def page_of(path: str, query: Mapping[str, str]) -> Page:
    """Return the page that an address asks for; a time that cannot be read becomes the last hour."""
    page = Page(path, query.get("from", "now-1h"), query.get("to", "now"))
    page.every = every_of(query.get("refresh", ""))
    page.dark = _is_dark()
    try:
        _ = page.window
    except WindowError as error:
        ui.notify(str(error), type="warning")
        page.begin, page.until = "now-1h", "now"
    return page


@contextmanager
def frame(title: str, page: Page, *, has_times: bool = True) -> Iterator[None]:
    """Put the block's elements below the navigation."""
    ui.page_title(f"{title} · obskit")
    ui.add_head_html(_head())
    dark = ui.dark_mode(value=page.dark)
    with ui.element("div").classes("bar"):
        ui.link("obskit", "/").classes("brand")
        for name, path in NAVIGATION:
            here = page.path == path or (path != "/" and page.path.startswith(path.rstrip("s")))
            ui.link(name, page.address(path) if has_times else path).classes(f"nav {'here' if here else ''}")
        ui.element("div").style("flex: 1")
        if has_times:
            _times(page)
        _dark_button(page, dark)

    def seen(event: events.GenericEventArguments) -> None:
        page.is_seen = bool(event.args["is"])
        if page.is_seen and (page.every or not has_times):
            page.read()

    ui.on("seen", seen)
    with ui.element("div").classes("body"):
        yield


def _times(page: Page) -> None:
    """Put the choice of the time range and of the refresh on the page."""

    def choose(begin: str) -> None:
        if begin in RANGES:
            page.begin, page.until = begin, "now"
            page.changed()

    def narrow(start: float, end: float) -> None:
        page.begin, page.until = f"{start * 1000:.0f}", f"{end * 1000:.0f}"
        picker.set_options({**RANGES, page.begin: _spoken(page.window)}, value=page.begin)
        page.changed()

    def widen() -> None:
        window = page.window
        half = window.seconds / 2
        narrow(window.start - half, min(window.end + half, max(time.time(), window.end)))

    def zoomed(event: events.GenericEventArguments) -> None:
        start, end = float(event.args["from"]) / 1000, float(event.args["to"]) / 1000
        narrow(start, max(end, start + _MIN_RANGE_S))

    is_chosen = page.begin in RANGES and page.until == "now"
    known = RANGES if is_chosen else {**RANGES, page.begin: _spoken(page.window)}
    picker = ui.select(known, value=page.begin, on_change=lambda event: choose(event.value))
    picker.props("dense options-dense borderless aria-label='Time range'")
    ui.button(icon="zoom_out", on_click=widen).props("flat dense round size=sm aria-label='Twice the range'")
    ui.on("zoomed", zoomed)
    page.narrow = narrow
    _refresh(page)


def _refresh(page: Page) -> None:
    """Put the choice of the refresh on the page; a page that nobody sees does not refresh."""

    def again(every: str) -> None:
        page.every = every
        timer.interval = float(every or 3600)
        timer.active = bool(every)
        ui.navigate.history.replace(page.address())

    ui.select(REFRESHES, value=page.every, on_change=lambda event: again(event.value)).props(
        "dense options-dense borderless aria-label='Refresh'"
    )
    timer = ui.timer(
        float(page.every or 3600),
        # What lies in the past does not change.
        lambda: page.read() if page.is_seen and page.window.follows else None,
        active=bool(page.every),
        immediate=False,
    )
    ui.button(icon="refresh", on_click=page.read).props("flat dense round size=sm aria-label='Read again'")


def _spoken(window: Window) -> str:
    start, end = (f"{_local(at):%d %b %H:%M}" for at in (window.start, window.end))
    return f"{start} to {end}"


def _local(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC).astimezone()


def _dark_button(page: Page, dark: ui.dark_mode) -> None:
    def toggle() -> None:
        page.dark = not page.dark
        dark.set_value(page.dark)
        chosen = "dark" if page.dark else "light"
        ui.run_javascript(
            f"document.cookie = '{_COOKIE}={chosen}; path=/; max-age=31536000; samesite=strict'"
        )
        page.read()

    ui.button(icon="contrast", on_click=toggle).props("flat dense round size=sm aria-label='Dark or light'")


def problem(text: str, fix: str) -> None:
    """Say what went wrong, and what to do."""
    show(troubled(text, fix))


def troubled(text: str, fix: str) -> Html:
    """Return what went wrong and what to do as HTML."""
    return tag("div", tag("div", text), tag("div", fix, class_="faint"), class_="problem", role="alert")


def heading(text: str) -> None:
    """Begin a part of the page."""
    ui.label(text).classes("heading").props("role=heading aria-level=2")


class Place:
    """A part of the page that is written in one step, and only when it changed: nothing flickers."""

    def __init__(self, *, classes: str = "panel") -> None:
        self._element = show(tag("div", "reading", class_="empty")).classes(classes)

    @property
    def is_gone(self) -> bool:
        """Whether the page was closed."""
        return self._element.is_deleted

    def put(self, content: Html) -> None:
        """Show *content* instead of what is there."""
        if not self._element.is_deleted:
            self._element.set_content(content)

    async def put_later(self, read: Callable[[], Awaitable[Html]]) -> None:
        """Show what *read* gives, or why it cannot be read."""
        try:
            content = await read()
        except SourceError as error:
            content = troubled(str(error), error.fix)
        self.put(content)
