"""The log pipe: every line of the process, from whatever library, as one JSON object.

::

    pipe = LogPipe(Settings.load({"service": "orders"}))
    pipe.start()
    configure(pipe)  # structlog, logging, warnings, the servers' loggers, loguru
    get_logger().info("order.created", order_id="o-1")
    pipe.close(5.0)
"""

from obskit.logging._loggers import get_logger
from obskit.logging._pipe import LogPipe
from obskit.logging._setup import configure

__all__ = ["LogPipe", "configure", "get_logger"]
