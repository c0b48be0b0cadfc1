"""Takes a picture of a page with the Chromium that is on this machine, over its own debugging protocol."""

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from obskit.errors import StackError

__all__ = ["take"]

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_START_S = 60.0
_PAGE_S = 60.0
_SETTLE_S = 0.7
_LOOK_S = 0.2
_DRAWN = """(() => {
  const panels = [...document.querySelectorAll('[data-panel]')];
  return panels.length > 0 && panels.every(each => each.dataset.state !== 'reading');
})()"""
_HEIGHT = "Math.ceil(document.querySelector('.body').getBoundingClientRect().bottom + window.scrollY)"


def take(address: str, destination: Path, *, width: int = 1600) -> None:
    """Write a picture of the whole board at *address* to *destination*, as PNG, *width* pixels wide.

    Raises:
        StackError: there is no Chromium, or the page does not come to an end.
    """
    with _chromium() as port_file:
        image = asyncio.run(_picture(_debugger(port_file), address, width))
    destination.write_bytes(image)


@contextmanager
def _chromium() -> Iterator[Path]:
    """Run Chromium for the block; yield the file in which it says where it can be driven."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        msg = f"There is no Chromium here to draw the page; looked for {', '.join(_PROGRAMS)}."
        raise StackError(msg, fix="apt-get install chromium, or open the board in your browser")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # Its sandbox does not work for root; the only page it opens is ours.
        command = [program, *_FLAGS, "--no-sandbox", f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            yield Path(folder) / "DevToolsActivePort"
        finally:
            process.terminate()
            process.wait()


def _debugger(port_file: Path) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        lines = port_file.read_text().split() if port_file.exists() else []
        if len(lines) > 1:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(_LOOK_S)
    msg = f"Chromium did not start within {_START_S:g} s."
    raise StackError(msg, fix="chromium --headless --dump-dom about:blank")


class _Tab:
    """One page of the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._session = ""

    async def open(self) -> None:
        """Make the page."""
        target = await self.send("Target.createTarget", url="about:blank")
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]

    async def send(self, method: str, **params: Any) -> Any:
        """Send a command and return its answer; what happens meanwhile is let go."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params, **session}))
        async for message in self._socket:
            answer = json.loads(message)
            if answer.get("id") == number:
                break
        if "result" not in answer:
            msg = f"Chromium refused {method}: {answer.get('error', {}).get('message')}"
            raise StackError(msg, fix="open the board in your browser")
        return answer["result"]

    async def value(self, expression: str) -> Any:
        """Return what *expression* is in the page."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def size(self, width: int, height: int) -> None:
        """Make the page as large."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )


async def _picture(debugger: str, address: str, width: int) -> bytes:
    async with connect(debugger, max_size=1 << 27) as socket:
        tab = _Tab(socket)
        await tab.open()
        await tab.size(width, 1000)
        answer = await tab.send("Page.navigate", url=address)
        if answer.get("errorText"):
            msg = f"{address} cannot be opened: {answer['errorText']}."
            raise StackError(msg, fix="obskit up")
        await _until_drawn(tab, address)
        await tab.size(width, int(await tab.value(_HEIGHT)))
        await asyncio.sleep(_SETTLE_S)  # charts take the new size
        shot = await tab.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
    return base64.b64decode(shot["data"])


async def _until_drawn(tab: _Tab, address: str) -> None:
    deadline = time.monotonic() + _PAGE_S
    while time.monotonic() < deadline:
        if await tab.value(_DRAWN):
            await asyncio.sleep(_SETTLE_S)
            return
        await asyncio.sleep(_LOOK_S)
    msg = f"The panels of {address} did not all answer within {_PAGE_S:g} s."
    raise StackError(msg, fix="obskit status, and a shorter time range with --from")
