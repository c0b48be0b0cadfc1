"""Reads what is pushed to ``/loki/api/v1/push``: JSON, or protobuf in snappy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cramjam
import orjson
from google.protobuf.message import DecodeError

from obskit.embedded.logs._bodies import MAX_BODY_BYTES
from obskit.embedded.logs._errors import PushError
from obskit.embedded.logs._labels import check_labels, read_labels, shown_labels
from obskit.embedded.logs._push_proto import PushRequest
from obskit.embedded.logs._store import Batch, Entry, labels_text

__all__ = ["Pushed", "metadata_text", "read_json", "read_protobuf"]

MAX_LINE_BYTES = 2 << 20
MAX_METADATA = 128
MAX_METADATA_BYTES = 64 << 10
_SECOND = 1_000_000_000
_LEAST, _MOST = -(2**63), 2**63 - 1
_UNPROCESSABLE = 422


@dataclass(slots=True)
class Pushed:
    """What can be stored of a push, and what was wrong with the rest."""

    streams: dict[str, list[Entry]] = field(default_factory=dict)
    problem: PushError | None = None

    @property
    def batches(self) -> Sequence[Batch]:
        """The lines, by stream."""
        return [Batch(labels, entries) for labels, entries in self.streams.items() if entries]


def read_json(body: bytes) -> Pushed:
    """Return the lines of a push in JSON.

    Raises:
        PushError: it is no push; of one that is, bad lines are left out and named.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        msg = f"couldn't parse push request: {error}"
        raise PushError(msg) from error
    streams = found.get("streams") if isinstance(found, dict) else None
    return _read([(_json_labels(each), _json_entries(each)) for each in _list(streams, "streams")])


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        msg = f"couldn't parse push request: {name} is not a list"
        raise PushError(msg)
    return value


def _json_labels(stream: Any) -> dict[str, str]:
    labels = stream.get("stream") if isinstance(stream, dict) else None
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        msg = "couldn't parse push request: a stream's labels are not an object of texts"
        raise PushError(msg)
    return labels


def _json_entries(stream: dict[str, Any]) -> list[Entry]:
    return [_json_entry(value) for value in _list(stream.get("values"), "values")]


def _json_entry(value: Any) -> Entry:
    if not isinstance(value, list) or len(value) not in {2, 3} or not isinstance(value[1], str):
        msg = "couldn't parse push request: a value is not [timestamp, line] or [timestamp, line, metadata]"
        raise PushError(msg)
    metadata = value[2] if len(value) == 3 else None  # noqa: PLR2004 - the third is the metadata
    if metadata is not None and not (
        isinstance(metadata, dict) and all(isinstance(each, str) for each in metadata.values())
    ):
        msg = "couldn't parse push request: structured metadata is not an object of texts"
        raise PushError(msg)
    return _timestamp(value[0]), value[1], metadata_text(metadata)


def _timestamp(text: Any) -> int:
    digits = text[1:] if isinstance(text, str) and text[:1] in {"-", "+"} else text
    if not isinstance(text, str) or not (digits.isascii() and digits.isdigit()) or len(text) > 20:  # noqa: PLR2004 - 64 bits
        shown = text if isinstance(text, str) else orjson.dumps(text).decode()
        msg = f'strconv.ParseInt: parsing "{shown[:40]}": invalid syntax'
        raise PushError(msg)
    return _within(int(text))


def _within(ts: int) -> int:
    if not _LEAST <= ts <= _MOST:
        msg = f'strconv.ParseInt: parsing "{ts}": value out of range'
        raise PushError(msg)
    return ts


def metadata_text(metadata: Mapping[str, str] | None) -> str | None:
    """Return structured metadata as the store keeps it."""
    return orjson.dumps(metadata).decode() if metadata else None


def read_protobuf(body: bytes) -> Pushed:
    """Return the lines of a push in snappy-compressed protobuf.

    Raises:
        PushError: as :func:`read_json`.
    """
    request = PushRequest()
    try:
        request.ParseFromString(_unsnapped(body))
    except (DecodeError, cramjam.DecompressionError) as error:
        msg = f"couldn't parse push request: {error}"
        raise PushError(msg) from error
    return _read([(read_labels(stream.labels), _entries(stream)) for stream in request.streams])


def _entries(stream: Any) -> list[Entry]:
    made = []
    for entry in stream.entries:
        ts = _within(entry.timestamp.seconds * _SECOND + entry.timestamp.nanos)
        metadata = {pair.name: pair.value for pair in entry.structured_metadata}
        made.append((ts, entry.line, metadata_text(metadata)))
    return made


def _unsnapped(body: bytes) -> bytes:
    size, shift = 0, 0
    for byte in body[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
            break
    if size > MAX_BODY_BYTES:
        msg = f"request body too large: {size} bytes, limit: {MAX_BODY_BYTES} bytes"
        raise PushError(msg, status=413)
    return bytes(cramjam.snappy.decompress_raw(body))


def _read(streams: Sequence[tuple[dict[str, str], list[Entry]]]) -> Pushed:
    if not streams:
        msg = "error at least one valid stream is required for ingestion"
        raise PushError(msg, status=_UNPROCESSABLE)
    pushed = Pushed()
    for labels, entries in streams:
        kept = {name: value for name, value in labels.items() if value}
        try:
            check_labels(kept)
        except PushError as error:
            pushed.problem = error
            continue
        good = pushed.streams.setdefault(labels_text(kept), [])
        for entry in entries:
            problem = next(_problems(kept, entry), None)
            if problem is None:
                good.append(entry)
            else:
                pushed.problem = PushError(problem)
    return pushed


def _problems(labels: Mapping[str, str], entry: Entry) -> Iterator[str]:
    _, line, metadata = entry
    if len(line) * 4 > MAX_LINE_BYTES and len(line.encode()) > MAX_LINE_BYTES:
        yield (
            f"Max entry size '{MAX_LINE_BYTES}' bytes exceeded for stream '{shown_labels(labels)}' "
            f"while adding an entry with length '{len(line.encode())}' bytes"
        )
    if metadata is None:
        return
    if len(metadata) > MAX_METADATA_BYTES:
        yield (
            f"stream '{shown_labels(labels)}' has structured metadata too large: '{len(metadata)}' bytes, "
            f"limit: '{MAX_METADATA_BYTES}' bytes. Please see `limits_config.max_structured_metadata_size` "
            "or contact your Loki administrator to increase it."
        )
    count = metadata.count('":"')
    if count > MAX_METADATA and len(orjson.loads(metadata)) > MAX_METADATA:
        yield (
            f"stream '{shown_labels(labels)}' has too many structured metadata labels: '{count}', "
            f"limit: '{MAX_METADATA}'. Please see `limits_config.max_structured_metadata_entries_count` "
            "or contact your Loki administrator to increase it."
        )
