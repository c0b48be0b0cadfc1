"""Asks a process whether it is ready."""

import asyncio

from obskit.stack._specs import Probe

__all__ = ["TIMEOUT_S", "check"]

TIMEOUT_S = 1.0
_LOOPBACK = "127.0.0.1"
_OK = 200


async def check(probe: Probe | None) -> str:
    """Return an empty text when the process is ready, else one short reason."""
    if probe is None:
        return ""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await _ask(probe)
    except TimeoutError:
        return f"no answer on port {probe.port} within {TIMEOUT_S:g} s"
    except OSError:
        return f"nothing listens on port {probe.port}"


async def _ask(probe: Probe) -> str:
    reader, writer = await asyncio.open_connection(_LOOPBACK, probe.port)
    try:
        if not probe.path:
            return ""
        # HTTP/1.0, so that the server closes; a client library would cost the supervisor more memory than this.
        request = f"GET {probe.path} HTTP/1.0\r\nHost: {_LOOPBACK}:{probe.port}\r\n\r\n"
        writer.write(request.encode("ascii"))
        line = await reader.readline()
    except ValueError:  # a line without an end
        line = b""
    finally:
        writer.close()
    status = _status(line)
    return "" if status == _OK else f"http://{_LOOPBACK}:{probe.port}{probe.path} answers {status}"


def _status(line: bytes) -> int | str:
    version, _, rest = line.partition(b" ")
    if not version.startswith(b"HTTP/") or not rest[:3].isdigit():
        return "something that is not HTTP"
    return int(rest[:3])
