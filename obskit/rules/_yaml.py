"""Writes rules as YAML: the same content gives the same bytes, and a person can read them."""

from pathlib import Path
from typing import Any

import yaml

__all__ = ["as_yaml", "write_whole"]


class _Dumper(yaml.SafeDumper):
    """Writes long texts as blocks, so that a person can read the copies."""


def _block_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block_text)
# A rule that shares a text by an anchor gets its own copy: easier to read, and to compare.
_Dumper.ignore_aliases = lambda _self, _data: True  # type: ignore[method-assign,assignment]


def as_yaml(content: Any) -> str:
    """Return *content* as YAML, its keys in their order."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def write_whole(path: Path, text: str) -> Path:
    """Write *text*; a server that reads meanwhile sees the old file or the new one, never half of one."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    return partial.replace(path)
