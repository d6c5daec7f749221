"""What the launcher says, in the language of the terminal."""

import os


def either(en: str, zh: str) -> str:
    """`zh` where the locale is a Chinese one, else `en`."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return zh if locale.startswith("zh") else en
