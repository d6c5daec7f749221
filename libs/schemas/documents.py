"""The JSON Schemas that are published, by subject: of every event in its envelope, and of what partners send."""

from schemas import asyncapi
from schemas.entry_schemas import DIALECT, entry_schemas
from schemas.envelope import Json
from schemas.events import FACTS


def schemas() -> dict[str, Json]:
    """Every schema as the code has it: of each event type, of `submission-line`, and of each kind of entry."""
    return {type: _event(type) for type in FACTS} | entry_schemas()


def _event(type: str) -> Json:
    """Of one event in CloudEvents' structured mode."""
    data = asyncapi.opened(FACTS[type].model_json_schema(mode="serialization", ref_template="#/$defs/{model}"))
    definitions = data.pop("$defs", {})
    envelope = asyncapi.envelope(type, data)
    return {"$schema": DIALECT, "$id": f"urn:shuangqian:{type}", **envelope, "$defs": definitions}
