"""A page of metrics and health for a process that serves nothing else."""

import threading
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from obskit.asgi._endpoints import ENDPOINTS
from obskit.asgi._middleware import Owner
from obskit.asgi._wsgi import answered
from obskit.errors import ConfigError

__all__ = ["MetricsServer", "serve_pages"]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        """Say nothing: being scraped is no event."""


class MetricsServer:
    """Serves until :meth:`close`, or until the process ends; *port* is the one that it listens on."""

    def __init__(self, server: WSGIServer) -> None:
        self.port: int = server.server_port
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, name="obskit-pages", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop to listen."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def serve_pages(port: int, host: str, owner: Callable[[], Owner]) -> MetricsServer:
    """Serve ``/metrics``, ``/livez`` and ``/readyz`` on *port*; 0 takes a free one.

    Raises:
        ConfigError: the port cannot be listened on.
    """

    def pages(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ.get("PATH_INFO") in ENDPOINTS:
            return answered(owner(), environ, start_response)
        start_response("404 Not Found", [("content-type", "text/plain; charset=utf-8")])
        return [b"There are /metrics, /livez and /readyz.\n"]

    try:
        server = _Server((host, port), _Quiet)
    except OSError as error:
        msg = f"serve_metrics() cannot listen on {host}:{port} ({error.strerror}); use another port, or 0 for a free one."
        raise ConfigError(msg) from error
    server.set_app(pages)
    return MetricsServer(server)
