"""Shows a page on the desktop of whoever runs the pager."""

import asyncio
import html
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE

from obskit.pager._brief import brief
from obskit.pager._errors import NotifyError
from obskit.pager._notify import Page
from obskit.pager._text import one_line

__all__ = ["Desktop"]

_MAC = (
    "on run argv",
    'display notification (item 2 of argv) with title (item 1 of argv) sound name "Basso"',
    "end run",
)


class Desktop:
    """Shows pages with ``notify-send``, or ``osascript`` on a Mac."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def send(self, page: Page) -> None:
        """Show *page* until it is clicked away.

        Raises:
            NotifyError: there is no desktop, or no program to show it with.
        """
        command = _command(page)
        if shutil.which(command[0]) is None:
            msg = f"{command[0]} is not installed (Debian's package is libnotify-bin)"
            raise NotifyError(msg)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
            )
        except OSError as error:
            msg = f"{command[0]} cannot be started: {error.strerror}"
            raise NotifyError(msg) from error
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            text = one_line(said.decode(errors="replace"), 200)
            msg = f"{command[0]} ended with {process.returncode}: {text}"
            raise NotifyError(msg)


def _command(page: Page) -> tuple[str, ...]:
    told = brief(page.incident)
    title = told.line
    rows = (page.reason, told.harm, told.do, page.url)
    lines = [one_line(line, 300) for line in rows if line]
    if sys.platform == "darwin":
        script = (part for line in _MAC for part in ("-e", line))
        return ("osascript", *script, title, "\n".join(lines))
    # The body may hold markup, so that what is none must be escaped.
    body = "\n".join(html.escape(line) for line in lines)
    return ("notify-send", "--urgency=critical", "--app-name=obskit pager", "--", title, body)
