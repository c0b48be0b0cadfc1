"""Databases: what ``obskit.instrument(engine)`` observes of a SQLAlchemy engine and its pool."""

from obskit.db._sqlalchemy import install

__all__ = ["install"]
