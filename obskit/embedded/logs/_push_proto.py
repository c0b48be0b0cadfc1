"""Loki's push messages, described here as Loki's schema has them; protobuf makes the classes."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

__all__ = ["PushRequest"]

_TEXT, _MESSAGE = 9, 11
_ONE, _MANY = 1, 3
_FIELDS = {
    "LabelPair": (("name", 1, _TEXT, _ONE, ""), ("value", 2, _TEXT, _ONE, "")),
    "Entry": (
        ("timestamp", 1, _MESSAGE, _ONE, ".google.protobuf.Timestamp"),
        ("line", 2, _TEXT, _ONE, ""),
        ("structured_metadata", 3, _MESSAGE, _MANY, ".obskit.loki.LabelPair"),
    ),
    "Stream": (("labels", 1, _TEXT, _ONE, ""), ("entries", 2, _MESSAGE, _MANY, ".obskit.loki.Entry")),
    "PushRequest": (("streams", 1, _MESSAGE, _MANY, ".obskit.loki.Stream"),),
}


def _push_request() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="obskit/loki/push.proto",
        package="obskit.loki",
        syntax="proto3",
        dependency=[timestamp_pb2.DESCRIPTOR.name],
    )
    for message, fields in _FIELDS.items():
        described = file.message_type.add(name=message)
        for name, number, kind, label, type_name in fields:
            made = described.field.add(name=name, number=number, type=kind, label=label)
            if type_name:
                made.type_name = type_name
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("obskit.loki.PushRequest"))


PushRequest = _push_request()
"""``logproto.PushRequest``: streams of labels and entries."""
