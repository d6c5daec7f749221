"""What pydantic finds wrong with a request or event, said in the reader's language: its own words are English."""

from collections.abc import Mapping
from typing import Any

from schemas.texts import worded
from web.languages import _, language


def said(found: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a sentence; one that has none here is told in general, with pydantic's own words."""
    context = found.get("ctx") or {}
    match found["type"]:
        case "value_error" if "error" in context:  # a validator of ours, which says it itself
            return str(context["error"])
        case "literal_error" | "enum" | "union_tag_invalid":
            one_of = str(context.get("expected") or context.get("expected_tags")).replace(" or ", ", ")
            return _("This must be one of: %(these)s.") % {"these": one_of}
        case "illegible":  # of `schemas.differences`, as the next
            return worded("json", context["reason"], language())
        case "identity":
            return _("This must stay %(expected)s: it says which event it is.") % context
        case "json_invalid":  # FastAPI puts there after how many characters
            return _("From character %(at)s on, this is no JSON.") % {"at": found["loc"][-1]}
    sentence = _sentence(found["type"])
    return sentence % context if sentence else _("This is not valid: %(said)s.") % {"said": found["msg"]}


def _sentence(type: str) -> str | None:
    match type:
        case "missing" | "union_tag_not_found":
            return _("This is required and missing.")
        case "extra_forbidden":
            return _("There is no such field here. Remove it, or check its spelling.")
        case "string_too_short":
            return _("This must have at least %(min_length)s characters.")
        case "string_too_long":
            return _("This must have at most %(max_length)s characters.")
        case "too_short":
            return _("This must have at least %(min_length)s items.")
        case "too_long":
            return _("This must have at most %(max_length)s items.")
        case "string_pattern_mismatch":
            return _("This must match the pattern %(pattern)s.")
        case "greater_than":
            return _("This must be greater than %(gt)s.")
        case "greater_than_equal":
            return _("This must be %(ge)s or more.")
        case "less_than":
            return _("This must be less than %(lt)s.")
        case "less_than_equal":
            return _("This must be %(le)s or less.")
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return _("This must be a whole number.")
        case "float_parsing" | "float_type" | "finite_number" | "decimal_parsing" | "decimal_type":
            return _("This must be a number.")
        case "bool_parsing" | "bool_type":
            return _("This must be true or false.")
        case "event_type":  # of `schemas.differences`
            return _("No event is of this type. docs/events.md has them all.")
        case "repeated-field":  # of `schemas.differences`, too
            return _("This field stands here more than once. Keep only one of them.")
        case "uscc":
            return _("This is not a unified social credit code (GB 32100-2015).")
        case (
            "date_shape"
            | "date_value"
            | "date_parsing"
            | "date_type"
            | "date_from_datetime_parsing"
            | "date_from_datetime_inexact"
        ):
            return _("This must be a day, such as 2026-03-05.")
        case "datetime_parsing" | "datetime_type" | "datetime_from_date_parsing" | "timezone_aware":
            return _("This must be a time, such as 2026-03-05T14:00:00+08:00.")
        case "string_type":
            return _("This must be a text.")
        case "list_type" | "tuple_type" | "set_type":
            return _("This must be a list.")
        case "dict_type" | "model_type" | "model_attributes_type":
            return _("This must be an object with fields.")
        case _:
            return None
