"""HTML that is safe by the way it is made: text is escaped, and only what this module made is not.

Log lines, label values and span names come from anybody; a thousand of them as elements of
the page's framework would be slow, as one string of HTML they are not.
"""

import html

from nicegui import ui

__all__ = ["Html", "join", "link", "show", "tag"]


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = "str | Html | int | float | None"


def tag(name: str, *children: str | None, **attributes: str | None) -> Html:
    """Return an element; *children* that are not :class:`Html` are escaped, and so are *attributes*.

    ``class_`` and ``for_`` lose their underscore, others become dashes: ``data_id`` is ``data-id``.
    An attribute that is None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value, quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(
        child if isinstance(child, Html) else html.escape(child) for child in children if child is not None
    )
    return Html(f"<{name}{written}>{inner}</{name}>")


def link(text: str, url: str, **attributes: str | None) -> Html:
    """Return a link; an address that is none of a page or of HTTP becomes plain text."""
    if not url.startswith(("/", "http://", "https://")) or url.startswith("//"):
        return tag("span", text, **attributes)
    return tag("a", text, href=url, **attributes)


def join(parts: "list[Html] | tuple[Html, ...]") -> Html:
    """Return *parts* one after the other."""
    return Html("".join(parts))


def show(content: Html) -> ui.html:
    """Put *content* on the page."""
    return ui.html(content, sanitize=False)
