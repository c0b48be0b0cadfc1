"""The users' tables, and what the routes take and give."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table

__all__ = [
    "TABLES",
    "AccessToken",
    "Credentials",
    "Profile",
    "attempts",
    "refresh_tokens",
    "users",
]

TABLES = MetaData()

users = Table(
    "users",
    TABLES,
    Column("id", String(36), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("password_hash", String(256), nullable=False),
)

# Kept for names that nobody has, too: a lock must not tell which names exist.
attempts = Table(
    "login_attempts",
    TABLES,
    Column("name_hash", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Float, nullable=False, index=True),  # Unix seconds, as all times here
    Column("locked_until", Float, nullable=False),
)

refresh_tokens = Table(
    "refresh_tokens",
    TABLES,
    Column("token_hash", String(64), primary_key=True),
    # Every token that came out of one login, one after the other.
    Column("family", String(36), nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("state", String(8), nullable=False),  # active, used or revoked
    Column("created_at", Float, nullable=False, index=True),
    Column("expires_at", Float, nullable=False),
    Index("refresh_tokens_family", "family"),
)


class Credentials(BaseModel):
    """A name and a password; the password is in no log, error or repr."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$", examples=["alice"])]
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]


class AccessToken(BaseModel):
    """A signed token for the header ``Authorization: Bearer``; *expires_in* is in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the standard's word, no secret
    expires_in: int


class Profile(BaseModel):
    """What others may know about a user."""

    id: str
    name: str
