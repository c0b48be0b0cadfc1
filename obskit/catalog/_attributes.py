"""The span attributes that obskit sets itself."""

__all__ = ["SPAN_ATTRIBUTES"]

SPAN_ATTRIBUTES = {
    "error.type": "exception class, or status code of a failed response",
    "http.request.method": "a known HTTP method or _OTHER",
    "http.request.method_original": "the method as sent, where it is not a known one",
    "http.response.status_code": "the status sent or received",
    "http.route": "route template",
    "messaging.destination.name": "subject or topic",
    "messaging.message.id": "the broker's message id, where it has one",
    "messaging.operation.name": "publish or process",
    "messaging.operation.type": "send or process",
    "messaging.system": "nats, kafka, rabbitmq ...",
    "network.protocol.version": "1.0, 1.1, 2 ...",
    "obskit.fault": "id of a fault that was injected on purpose (sample services)",
    "request.id": "X-Request-ID of the request that the span belongs to",
    "server.address": "host that served or was called",
    "server.port": "port that served or was called",
    "url.full": "the called URL without credentials and query",
    "url.path": "the path as sent, without the query",
    "url.scheme": "http or https",
    "url.template": "the template that the caller named",
    "user_agent.original": "User-Agent as sent",
}
"""The span attributes that obskit sets itself."""
