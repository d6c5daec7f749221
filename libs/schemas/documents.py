"""The JSON Schemas that are published: of every event in its envelope, and of what partners send."""

from schemas import asyncapi
from schemas.entry import SubmissionLine
from schemas.envelope import Json
from schemas.events import FACTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LINE = "submission-line"


def names() -> tuple[str, ...]:
    """What there are schemas of: `submission-line`, and each event type."""
    return (LINE, *FACTS)


def schema(name: str) -> Json:
    """The JSON Schema of one of `names()`; KeyError for any other."""
    if name == LINE:
        return {"$schema": DIALECT, "$id": f"urn:shuangqian:{LINE}", **SubmissionLine.model_json_schema()}
    data = asyncapi.opened(FACTS[name].model_json_schema(mode="serialization", ref_template="#/$defs/{model}"))
    definitions = data.pop("$defs", {})
    envelope = asyncapi.envelope(name, data)
    return {"$schema": DIALECT, "$id": f"urn:shuangqian:{name}", **envelope, "$defs": definitions}
