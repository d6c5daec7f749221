"""The JSON Schemas that are published, by subject: of events and receipts in their envelopes, and of what partners
send."""

from schemas.entry_schemas import entry_schemas
from schemas.envelope import Json
from schemas.event_schemas import event_schemas


def schemas() -> dict[str, Json]:
    """Every schema as the code has it: of each event type and the receipt, of `submission-line`, of each kind."""
    return event_schemas() | entry_schemas()
