"""Submissions that are wrong in every way we know, each with the rule and the place that its finding names."""

from tests.submissions.given import line

GOOD = line("bad").rstrip()
WIDE = "９１５１０１０６ＭＡ６ＲＨ８３Ｗ８２"
DEEP = b"[" * 100_000 + b"]" * 100_000


def put(value: bytes, field: bytes = b"maturity") -> bytes:
    """A good line, but for one number of it."""
    head, _, rest = GOOD.partition(b'"%b":' % field)
    return head + b'"%b":%b' % (field, value) + rest.lstrip(b"0123456789.")


def titled(text: bytes) -> bytes:
    """A good line with this between the quotes of its title."""
    return line("bad", title={"zh": "here"}).rstrip().replace(b"here", text)


#: name: (bytes, rule, pointer)
BAD: dict[str, tuple[bytes, str, str]] = {
    "cut within the JSON": (GOOD[:-3], "json", ""),
    "cut within a character": (
        GOOD[: GOOD.index("品".encode()) + 1] if "品".encode() in GOOD else GOOD[:-4],
        "json",
        "",
    ),
    "UTF-8 that is none": (titled(b"\xc3\x28\xff"), "json", ""),
    "an overlong encoding": (titled(b"\xc0\xaf\xc0\xaf"), "json", ""),
    "GB 18030": (titled("隧道".encode("gb18030")), "json", ""),
    "UTF-16": (GOOD.decode().encode("utf-16-le").replace(b"\n", b""), "json", ""),
    "two byte order marks": (2 * b"\xef\xbb\xbf" + GOOD, "json", ""),
    "NUL after it": (GOOD + b"\x00", "json", ""),
    "NUL within": (titled(b"a\x00b"), "json", ""),
    "NUL escaped": (titled(rb"a\u0000b"), "characters", "/entry/title/zh"),
    "a bell escaped": (titled(rb"a\u0007b"), "characters", "/entry/title/zh"),
    "a noncharacter": (titled("a\uffffb".encode()), "characters", "/entry/title/zh"),
    "an override of direction": (titled("a\u202eb".encode()), "characters", "/entry/title/zh"),
    "an isolate, escaped": (titled(rb"a\u2066b"), "characters", "/entry/title/zh"),
    "NUL in a field’s name": (put(rb'1,"\u0000":1'), "characters", "/entry"),
    "100,000 deep": (DEEP, "json", ""),
    "100,000 deep in a field": (put(DEEP), "json", ""),
    "1,000 deep in a field": (put(b'{"a":' * 1000 + b"1" + b"}" * 1000), "json", ""),
    "300 deep in a field": (put(b"[" * 300 + b"]" * 300), "json", ""),
    "150 deep in a field": (put(b"[" * 150 + b"]" * 150), "type", "/entry/maturity"),
    "a field that is there twice": (put(b'3,"maturity":4'), "repeated-field", "/entry/maturity"),
    "a field that is there twice, alike": (put(b'3,"maturity" : 3'), "repeated-field", "/entry/maturity"),
    "a field that is there twice, once escaped": (put(rb'3,"maturit\u0079":4'), "repeated-field", "/entry/maturity"),
    "a reference that is there twice": (put(b'1,"revision":2', b"revision"), "repeated-field", "/revision"),
    "NaN": (put(b"NaN"), "json", ""),
    "Infinity": (put(b"-Infinity"), "json", ""),
    "1e400": (put(b"1e400"), "json", ""),
    "10 to the 30th": (put(b"1" + b"0" * 30), "range", "/entry/maturity"),
    "a number of 5,000 digits": (put(b"9" * 5000), "json", ""),
    "a revision of 10 to the 30th": (put(b"1" + b"0" * 30, b"revision"), "range", "/revision"),
    "a revision with a fraction": (put(b"1.5", b"revision"), "type", "/revision"),
    "a number as text": (put(b'"8"'), "type", "/entry/maturity"),
    "a number in full-width digits": (put("８".encode()), "json", ""),
    "a lone surrogate": (titled(rb"a\ud800b"), "json", ""),
    "a lone surrogate in a name": (put(rb'1,"\udfff":1'), "json", ""),
    "a date in full-width digits": (
        GOOD.replace(b'"kind":"product"', '"kind":"scene","opens":"２０２６-０１-０１"'.encode()),
        "date",
        "/entry/opens",
    ),
    "a code in full-width characters": (
        line("bad", uscc="９１５１０１０６ＭＡ６ＲＨ８３Ｗ８２").rstrip(),
        "uscc",
        "/entry/owner/uscc",
    ),
    "a name that never ends": (put(b'1,"%b":1' % (b"x" * 500_000)), "unknown-field", "/entry"),
    "a name that points elsewhere": (put(b'1,"a/b~c":1'), "unknown-field", "/entry/a~1b~0c"),
    "100,000 fields nobody knows": (
        put(b"1," + b",".join(b'"a%d":0' % n for n in range(80_000))),
        "findings.more",
        "",
    ),
    "more than fits": (line("bad", interfaces=["x" * 1_000_000]).rstrip(), "size", ""),
    "a list": (b"[]", "type", ""),
    "a text": (b'"x"', "type", ""),
    "nothing": (b"null", "type", ""),
    "a kind that is an object": (b'{"reference":"bad","revision":1,"entry":{"kind":{}}}', "choice", "/entry/kind"),
}
#: Texts that are to come out as they went in.
RARE = (
    "".join(chr(first + 5) for first in (0x20000, 0x2A700, 0x2B740, 0x2B820, 0x2CEB0, 0x30000, 0x31350, 0x2EBF0)),
    "🚇🤖👩🏽‍🔬🇨🇳",
    "é e\u0301 ﬁ １２３ ①",  # neither composed nor folded
    "㐀𠮷龘〇々",
    "\u200fabc\u200e",
    'a\\"b/c\u2028d\te\r\nf',
)
