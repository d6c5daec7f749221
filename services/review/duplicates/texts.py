"""What is compared of an entry: the sentences of its titles and paragraphs, without what the eye passes over."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

from schemas.entry import Entry, Product

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
#: A field's sentences, by the field: `{"title/zh": ("医院间检验样本无人机配送",), …}`.
Texts = Mapping[str, tuple[str, ...]]

#: After NFKC, which makes half-width what is full-width.
_ENDS = re.compile(r"[。!?;\n]|\.(?=\s|$)")
_PASSED_OVER = re.compile(r"[^\w\n]+|_+")


def texts(entry: Entry) -> Texts:
    """The sentences of an entry's title, summary and distinction in both languages."""
    fields = {"title": entry.title, "summary": entry.summary}
    if isinstance(entry, Product):
        fields["distinction"] = entry.distinction
    said = {
        f"{name}/{language}": sentences(getattr(text, language) or "")
        for name, text in fields.items()
        for language in LANGUAGES
    }
    return {field: found for field, found in said.items() if found}


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text in order: letters and digits alone, in one width and without capitals."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    lines = _PASSED_OVER.sub("", _ENDS.sub("\n", plain)).split("\n")
    return tuple(line for line in lines if line)


def spoken(said: Texts, language: Language) -> list[str]:
    """All that an entry says in a language, sentence by sentence."""
    return [sentence for field, found in said.items() if field.endswith(language) for sentence in found]
