"""Stands in for Loki, Tempo or Alloy, whichever it is started as: obskit's own stores, and what ships lines to one.

``images.py`` copies it into images of those names. It listens where the original does and keeps its files in
the same volume. Of the original's configuration it reads nothing, so nothing is shown about that.
"""

import socket
import sys
from pathlib import Path

PORTS = {"loki": 3100, "tempo": 3200, "alloy": 12345}
STORES = {
    "loki": ("--without=traces", "--home=/loki"),
    "tempo": ("--without=logs", "--home=/var/tempo"),
}


def is_ready(port: int) -> bool:
    """Say whether the one that runs here answers; without a library that is slow to read, for it is asked often."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as asked:
        asked.sendall(b"GET /ready HTTP/1.0\r\n\r\n")
        return b" 200 " in asked.recv(32)


def ship(port: int) -> int:
    """Push the services' lines to Loki until told to stop; return the exit code."""
    import asyncio

    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    import obskit
    from obskit.embedded import _serving, logs

    telemetry = obskit.init(service="alloy", version=obskit.__version__, traces_exporter="none")
    shipper = logs.Shipper(
        Path("/var/lib/alloy/data/outbox.db"), Path("/var/log/obskit"), "http://loki:3100", telemetry
    )
    app = obskit.instrument(Starlette(routes=[Route("/-/ready", lambda _: Response())]))
    try:
        asyncio.run(_serving.serve([app], [_serving.listen(port, "")], shipper.start))
    finally:
        shipper.close()
        obskit.shutdown()
    return 0


def main() -> int:
    """Be what the name of this file says."""
    name = Path(sys.argv[0]).name
    if "-health" in sys.argv:
        return not is_ready(PORTS[name])
    # After the health check, which is asked every few seconds and needs none of it.
    from obskit.embedded import __main__ as embedded
    from obskit.embedded import _serving

    # Loopback of a container is no use to the others. obskit itself never listens anywhere else.
    _serving._HOST = "0.0.0.0"
    if name == "alloy":
        return ship(PORTS[name])
    return embedded.main(STORES[name])


if __name__ == "__main__":
    sys.exit(main())
