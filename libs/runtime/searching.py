"""Searching MongoDB for what somebody typed."""

import re


def literal(text: str) -> str:
    """What finds this very text, as a regular expression of MongoDB's (PCRE), in which there can be no NUL."""
    return re.escape(text).replace("\0", r"\x00")
