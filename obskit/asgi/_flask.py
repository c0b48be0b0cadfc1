"""Flask: the WSGI middleware inside the application object, with the rule of the route that took a request."""

from collections.abc import Callable
from typing import Any

from obskit.asgi._middleware import Owner
from obskit.asgi._wsgi import OBSERVED, ROUTE, Wsgi
from obskit.errors import InstrumentError

__all__ = ["install_flask"]

_MARK = "_obskit_middleware"


def install_flask(app: Any, owner: Callable[[], Owner]) -> None:
    """Observe the Flask application *app*; a second call changes nothing.

    Raises:
        InstrumentError: *app* is something else of Flask, such as a blueprint.
    """
    from flask import Flask, got_request_exception, request, request_started

    if not isinstance(app, Flask):
        msg = f"instrument() got a {type(app).__qualname__}; pass the Flask application itself."
        raise InstrumentError(msg)
    if hasattr(app, _MARK):
        return

    def routed(_app: Any, **_more: Any) -> None:
        rule = request.url_rule
        request.environ[ROUTE] = None if rule is None else rule.rule

    def failed(_app: Any, exception: BaseException, **_more: Any) -> None:
        observed = request.environ.get(OBSERVED)
        if observed is not None:
            observed.failed(exception)

    # The access line has the exception; Flask would write it once more.
    app.log_exception = _say_nothing  # type: ignore[method-assign]
    app.wsgi_app = Wsgi(app.wsgi_app, owner)  # type: ignore[method-assign]
    setattr(app, _MARK, (routed, failed))  # the signals hold them weakly
    request_started.connect(routed, app)
    got_request_exception.connect(failed, app)


def _say_nothing(exc_info: object) -> None:
    """Stand in for the method of Flask that logs what was not handled."""
