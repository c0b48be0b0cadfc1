"""FastAPI, Starlette, Flask, any ASGI or WSGI: one pass a request for its span, its metrics and its access line."""

from obskit.asgi._flask import install_flask
from obskit.asgi._generic import Asgi
from obskit.asgi._install import install
from obskit.asgi._middleware import Middleware
from obskit.asgi._wsgi import Wsgi

__all__ = ["Asgi", "Middleware", "Wsgi", "install", "install_flask"]
