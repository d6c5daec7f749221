"""What is compared of an entry: the clauses of its titles and paragraphs, without what the eye passes over."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

from schemas.entry import Entry, Product

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
#: A field's clauses, by the field: `{"title/zh": ("医院间检验样本无人机配送",), …}`.
Texts = Mapping[str, tuple[str, ...]]

#: After NFKC, which makes half-width what is full-width. Clauses, not sentences: a Chinese summary is often one
#: sentence, and who rearranges it turns what stands between its commas. `1,000` is no two clauses.
_ENDS = re.compile(r"[。!?;\n]|,(?!\d)|\.(?=\s|$)")
_PASSED_OVER = re.compile(r"[^\w\n]+|_+")


def texts(entry: Entry) -> Texts:
    """The clauses of an entry's title, summary and distinction in both languages."""
    fields = {"title": entry.title, "summary": entry.summary}
    if isinstance(entry, Product):
        fields["distinction"] = entry.distinction
    said = {
        f"{name}/{language}": clauses(getattr(text, language) or "")
        for name, text in fields.items()
        for language in LANGUAGES
    }
    return {field: found for field, found in said.items() if found}


def clauses(text: str) -> tuple[str, ...]:
    """The clauses of a text in order: letters and digits alone, in one width and without capitals."""
    # What ends most clauses is replaced, and blanks are, before a pattern looks: that takes two thirds of the time.
    cut = text.replace("，", "\n").replace("。", "\n")
    plain = unicodedata.normalize("NFKC", cut).casefold().replace(". ", "\n").replace(", ", "\n").replace(" ", "")
    return tuple(filter(None, _PASSED_OVER.sub("", _ENDS.sub("\n", plain)).split("\n")))


def spoken(said: Texts, language: Language) -> list[str]:
    """All that an entry says in a language, clause by clause."""
    return [clause for field, found in said.items() if field.endswith(language) for clause in found]
