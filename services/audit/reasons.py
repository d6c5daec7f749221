"""Why a message is no event, in the language spoken. Verdicts keep the reader's own words, in English."""

import re

from web.languages import _
from web.shell import N_

#: What `fold.read_event` and `schemas.events` say, and what it is in a sentence.
_REASONS = {
    r"not JSON: (?P<why>.*)": N_("It is not JSON: %(why)s"),
    r"not an event: KeyError\('(?P<name>.*)'\)": N_("It is no event: it has no %(name)s."),
    r"not an event: it is no JSON object": N_("It is no event: it is no JSON object."),
    r"not an event: (?P<why>.*)": N_("It is no event: %(why)s"),
    r"unknown event type (?P<type>.*)": N_("No service has events of the type %(type)s."),
    r"no stream of (?P<source>.*) has events of type (?P<type>.*)": N_(
        "No stream of %(source)s has events of the type %(type)s."
    ),
    r"sequence (?P<sequence>.*) is not a number from 1": N_("Its number is %(sequence)s; numbers begin at 1."),
    r"id (?P<id>.*) is not (?P<expected>.*)": N_("Its id is %(id)s; by its stream and number it is %(expected)s."),
    r"no key: the event's stream is '(?P<stream>.*)'": N_("It has no key; its stream is %(stream)s."),
    r"key '(?P<key>.*)' is not the event's stream '(?P<stream>.*)'": N_(
        "Its key is %(key)s; its stream is %(stream)s."
    ),
    r"(?P<type>[a-z.-]+\.v[0-9]+): (?P<why>.*)": N_("It does not say what %(type)s must: %(why)s"),
}


def said(reason: str) -> str:
    """A reason in the language spoken; one that is not known, as it is."""
    for pattern, text in _REASONS.items():
        if found := re.fullmatch(pattern, reason, re.DOTALL):
            return _(text) % found.groupdict()
    return reason
