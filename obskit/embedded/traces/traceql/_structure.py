"""The tree of a trace: numbers it, and finds who descends from whom.

A span gets a number on the way down and one on the way up, so that a span descends from
another exactly when its two numbers lie between the other's.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Protocol, TypeVar

__all__ = ["Numbered", "number", "relate"]


class Numbered(Protocol):
    """What is needed of a span."""

    span_id: bytes
    parent_id: bytes
    left: int
    right: int
    parent: int


N = TypeVar("N", bound=Numbered)
T = TypeVar("T")
_ROOT = -1


def number(spans: Sequence[Numbered]) -> None:
    """Number the tree of *spans* in place; spans under no root stay 0, and a root's parent is -1."""
    children: dict[bytes, list[Numbered]] = {}
    for span in spans:
        children.setdefault(span.parent_id, []).append(span)
    # Two spans may share an id (a client and a server of Zipkin's): the first one has the children.
    count = 0
    stack: list[tuple[Numbered, int]] = [(root, _ROOT) for root in reversed(children.pop(b"", []))]
    while stack:
        span, parent = stack.pop()
        count += 1
        if span.left:
            span.right = count
            continue
        span.left, span.parent = count, parent
        stack.append((span, parent))
        stack += [(child, span.left) for child in reversed(children.pop(span.span_id, []))]


def relate(op: str, left: Sequence[T], right: Sequence[T], span_of: Callable[[T], Numbered]) -> list[T]:
    """Return the *right* for which some *left* stands in the relation *op*: ``>>`` their ancestor.

    ``!`` before *op* returns those for which none does; ``&`` adds the *left* that have a match.
    """
    relation = op.removeprefix("!").removeprefix("&")
    matches = _RELATIONS[relation]([span_of(entry) for entry in left])
    if op.startswith("!"):
        return [entry for entry in right if not matches(span_of(entry))]
    found = [entry for entry in right if matches(span_of(entry))]
    if not op.startswith("&"):
        return found
    inverse = _RELATIONS[_INVERSE[relation]]([span_of(entry) for entry in right])
    known = {id(span_of(entry)) for entry in found}
    return found + [entry for entry in left if inverse(span_of(entry)) and id(span_of(entry)) not in known]


def _descendant(left: Iterable[Numbered]) -> Callable[[Numbered], bool]:
    """Test for a span below one of *left*."""
    ordered = sorted((span.left, span.right) for span in left if span.left)
    starts = [start for start, _ in ordered]
    # Numbers nest: the largest end among those that start before decides.
    ends = list(accumulate((end for _, end in ordered), max))

    def below(span: Numbered) -> bool:
        before = bisect_left(starts, span.left)
        return span.left > 0 and before > 0 and ends[before - 1] > span.right

    return below


def _ancestor(left: Iterable[Numbered]) -> Callable[[Numbered], bool]:
    """Test for a span above one of *left*."""
    starts = sorted(span.left for span in left if span.left)

    def above(span: Numbered) -> bool:
        return span.left > 0 and bisect_right(starts, span.left) < bisect_left(starts, span.right)

    return above


def _child(left: Iterable[Numbered]) -> Callable[[Numbered], bool]:
    parents = {span.left for span in left if span.left}
    return lambda span: span.parent in parents


def _parent(left: Iterable[Numbered]) -> Callable[[Numbered], bool]:
    parents = {span.parent for span in left if span.parent}
    return lambda span: span.left != 0 and span.left in parents


def _sibling(left: Iterable[Numbered]) -> Callable[[Numbered], bool]:
    by_parent: dict[int, set[int]] = {}
    for span in left:
        if span.parent:
            by_parent.setdefault(span.parent, set()).add(id(span))

    def beside(span: Numbered) -> bool:
        others = by_parent.get(span.parent, set())
        return bool(span.parent) and (len(others) > 1 or (len(others) == 1 and id(span) not in others))

    return beside


_RELATIONS = {">>": _descendant, "<<": _ancestor, ">": _child, "<": _parent, "~": _sibling}
_INVERSE = {">>": "<<", "<<": ">>", ">": "<", "<": ">", "~": "~"}
