"""The tables of the notifications service, and what its routes take and give."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, Float, ForeignKey, Integer, MetaData, String, Table, Text

__all__ = [
    "BATCH",
    "TABLES",
    "Address",
    "Batch",
    "Campaign",
    "NewCampaign",
    "Suppression",
    "batches",
    "campaigns",
    "mails",
    "recipient",
    "suppressions",
]

BATCH = 100
"""Recipients in one message of the queue, and so the most that a killed worker can send twice."""

TABLES = MetaData()

campaigns = Table(
    "campaigns",
    TABLES,
    Column("id", String(36), primary_key=True),
    Column("subject", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("bounce_percent", Integer, nullable=False),
    Column("idempotency_key", String(128), unique=True),
    Column("created_at", Float, nullable=False, index=True),  # Unix seconds, as all times here
)

batches = Table(
    "batches",
    TABLES,
    Column("campaign_id", String(36), ForeignKey("campaigns.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("size", Integer, nullable=False),
    # Of its recipients, how many are dealt with: a later attempt goes on from here.
    Column("done", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("bounced", Integer, nullable=False),
    Column("suppressed", Integer, nullable=False),
    # Attempts that have begun and not told how they ended; empty in a file of an older version.
    Column("unended", Integer),
    Column("updated_at", Float, nullable=False),
)

suppressions = Table(
    "suppressions",
    TABLES,
    Column("address", String(254), primary_key=True),
    Column("reason", String(16), nullable=False),
    Column("created_at", Float, nullable=False, index=True),
)

mails = Table(
    "mails",
    TABLES,
    Column("message_id", String(128), primary_key=True),
    Column("sent_at", Float, nullable=False, index=True),
)

_Line = Annotated[str, Field(min_length=1, max_length=200, pattern="^[^\\x00-\\x1f\\x7f]*$")]
Address = Annotated[str, Field(max_length=254, pattern="^[A-Za-z0-9._+-]{1,64}@example\\.test$")]


class NewCampaign(BaseModel):
    """A mail to many. The recipients are made up: the same numbers are the same people each time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: _Line = Field(examples=["Tea in spring"])
    # PostgreSQL keeps no NUL in a text.
    text: str = Field(
        min_length=1, max_length=10_000, pattern="^[^\\x00]*$", examples=["Fresh leaves are in."]
    )
    recipients: int = Field(ge=1, le=100_000, strict=True, examples=[5000])
    bounce_percent: int = Field(default=1, ge=0, le=100, strict=True)
    """How many of a hundred have an address that does not exist any more."""


class Campaign(BaseModel):
    """A campaign and how far it is."""

    id: str
    subject: str
    state: Literal["queued", "sending", "done"]
    recipients: int
    sent: int
    bounced: int
    suppressed: int
    remaining: int
    batches: int
    batches_done: int
    maybe_repeated: int
    """Mails that a killed worker may have sent, and another one again: of the batches it had in hand."""
    mails_per_second: float
    """Since the campaign was made, to the last batch that was done."""
    created_at: datetime
    updated_at: datetime


class Suppression(BaseModel):
    """An address that gets no bulk mail: it bounced, or its owner asked for it."""

    address: str
    reason: Literal["bounced", "asked"]
    created_at: datetime


class Batch(BaseModel):
    """One message of the queue: a hundred recipients of one campaign, or the rest of them."""

    model_config = ConfigDict(frozen=True)

    campaign_id: str
    number: int
    size: int

    @property
    def first(self) -> int:
        """The number of its first recipient in the campaign."""
        return self.number * BATCH


def recipient(number: int, bounce_percent: int) -> str:
    """Return the address of one synthetic recipient; of each hundred, *bounce_percent* do not exist."""
    # 37 and 100 have no common factor: the bad addresses are spread over the hundred.
    kind = "bounce" if number * 37 % 100 < bounce_percent else "person"
    return f"{kind}-{number:06d}@example.test"
