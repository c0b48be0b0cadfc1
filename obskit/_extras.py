"""Loads optional packages, or says which command installs them."""

from importlib import import_module
from types import ModuleType

from obskit.errors import MissingExtraError

__all__ = ["require"]


def require(module: str, *, extra: str, used_by: str) -> ModuleType:
    """Return *module*, or raise :class:`MissingExtraError` naming the pip command.

    *used_by* is what the caller typed, such as ``obskit.instrument(engine)``.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        msg = (
            f"{used_by} needs the package {package!r}, which is not installed. "
            f"Run: pip install 'obskit-starter-kit[{extra}]'"
        )
        raise MissingExtraError(msg) from error
