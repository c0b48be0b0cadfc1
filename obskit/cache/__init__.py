"""Caches: hits, misses, failures, ages and evictions, for cashews."""

from obskit.cache._cashews import install

__all__ = ["install"]
