"""Texts that are written in one place and translated in another."""


def N_(text: str) -> str:
    """The text itself, marked for the catalogue under the name that translation tools know; `_` translates it later."""
    return text
