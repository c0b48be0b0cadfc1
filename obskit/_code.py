"""Finds the line of the application that something comes from."""

import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from types import FrameType

__all__ = ["location"]

_OBSKIT = str(Path(__file__).parent)
_LOOP = ("asyncio/events.py", "asyncio/runners.py")


def location(frame: FrameType | None = None) -> str:
    """Return the innermost frame of the application as ``shop/store.py:42 in load_items``, or an empty text.

    Looks from *frame* outward, or from the caller, and no further than the event loop: who started
    that did not call this. Frames of the standard library, of installed packages and of obskit are
    not the application's.
    """
    for each in _frames(frame or sys._getframe(1)):  # noqa: SLF001 - inspect.stack() reads source files
        code = each.f_code
        if _is_application(code.co_filename):
            return f"{_short(code.co_filename)}:{each.f_lineno} in {code.co_qualname}"
    return ""


def _frames(innermost: FrameType) -> Iterator[FrameType]:
    frame: FrameType | None = innermost
    # SQLAlchemy's async engines run in a greenlet; the application's stack is its parent's.
    module = sys.modules.get("greenlet")
    fiber = module.getcurrent() if module is not None else None
    while frame is not None and not frame.f_code.co_filename.endswith(_LOOP):
        yield frame
        frame = frame.f_back
        while frame is None and fiber is not None and fiber.parent is not None:
            fiber = fiber.parent
            frame = fiber.gr_frame


@lru_cache(maxsize=1024)
def _is_application(filename: str) -> bool:
    if filename.startswith((_OBSKIT, "<")):
        return False
    return "site-packages/" not in filename and not filename.startswith(_places())


@cache
def _places() -> tuple[str, ...]:
    import sysconfig  # few processes ever look for a line, and loading it takes milliseconds

    return tuple({f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")})


@lru_cache(maxsize=1024)
def _short(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return "/".join(path.parts[-2:])
