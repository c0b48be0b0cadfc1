"""FastAPI and Starlette: one pass a request for its span, its metrics and its access line."""

from obskit.asgi._install import install
from obskit.asgi._middleware import Middleware

__all__ = ["Middleware", "install"]
