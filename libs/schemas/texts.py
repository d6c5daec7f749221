"""The rules of intake, each as the sentence that tells a breach of it, in Chinese and English."""

import re

from schemas.entry import EMAIL, ENTRY_ID, HTTPS_URL, PHONE, REFERENCE, SHA256, TAG
from schemas.names import NAMES

#: The codes in what a finding of `choice` expects: 'scene', 'product' or 'linkage'.
CHOICES = re.compile(r"'([^']*)'")

TEXTS: dict[str, dict[str, str]] = {
    "json": {
        "zh": "不是有效的 JSON：{expected}。",
        "en": "Not valid JSON: {expected}.",
    },
    "size": {"zh": "超过 {expected} 字节的上限。", "en": "Larger than the limit of {expected} bytes."},
    "repeated-field": {
        "zh": "字段“{found}”出现了不止一次。请只保留一个。",
        "en": "The field “{found}” stands here more than once. Keep only one of them.",
    },
    "characters": {
        "zh": "含有不可用的控制字符（{found}）。请删除它。",
        "en": "There is a control character ({found}) here, which pages must not carry. Remove it.",
    },
    "findings.more": {
        "zh": "另有 {found} 处问题未列出。请先修正以上各处，再重新提交。",
        "en": "There are {found} more findings. Mend the ones above first, then send it again.",
    },
    "required": {"zh": "缺少必填项。", "en": "This field is required."},
    "unknown-field": {
        "zh": "没有名为“{found}”的字段。请删除它，或检查拼写。",
        "en": "There is no field “{found}”. Remove it or check its spelling.",
    },
    "type": {"zh": "类型不符，应为{expected}。", "en": "Wrong type: expected {expected}."},
    "length": {"zh": "长度不符，应为 {expected} 个字符。", "en": "Wrong length: expected {expected} characters."},
    "count": {"zh": "项数不符，应为 {expected} 项。", "en": "Wrong number of items: expected {expected}."},
    "pattern": {"zh": "格式不符：{expected}。", "en": "Wrong format: {expected}."},
    "choice": {"zh": "不在可选值之内，应为：{expected}。", "en": "Not one of the choices: {expected}."},
    "range": {"zh": "数值超出范围，应为 {expected}。", "en": "Out of range: expected {expected}."},
    "date": {"zh": "不是有效日期，应为 YYYY-MM-DD。", "en": "Not a date: write YYYY-MM-DD."},
    "uscc": {
        "zh": "不是统一社会信用代码（GB 32100）：应为 18 位数字和大写字母，不含 I、O、S、V、Z。",
        "en": "Not a unified social credit code (GB 32100): 18 digits and capital letters without I, O, S, V and Z.",
    },
    "uscc.check-digit": {
        "zh": "统一社会信用代码的校验位有误（GB 32100）：按前 17 位应为 {expected}，请核对全部 18 位。",
        "en": "The check digit of the unified social credit code is wrong (GB 32100): the first 17 characters "
        "give {expected}. Check all 18.",
    },
    "scene.level-fit": {
        "zh": "层级与分类不符：{expected}。",
        "en": "The level and the classification do not fit: {expected}.",
    },
    "dates.order": {
        "zh": "日期顺序有误：应不早于 {expected}。",
        "en": "The dates are out of order: must not be before {expected}.",
    },
    "dates.plausible": {
        "zh": "日期不合情理：应在 {expected} 之间。请检查年份。",
        "en": "Hardly the date that is meant: expected one within {expected}. Check the year.",
    },
    "offer.unit": {"zh": "单位不符：应为 {expected}。", "en": "The unit does not fit the type: expected {expected}."},
    "offer.amount": {
        "zh": "数量超过全市总量 {expected}。",
        "en": "The amount is beyond the whole city's {expected}.",
    },
    "offer.repeated": {
        "zh": "与第 {expected} 项完全相同。请删除其一，或合并数量。",
        "en": "The very same as item {expected}. Remove one of them, or add the amounts up.",
    },
    "evidence.stage": {
        "zh": "所报阶段须有相应证据：{expected}。",
        "en": "The stage needs evidence measured at it: {expected}.",
    },
    "evidence.beyond-stage": {
        "zh": "证据所属阶段晚于所报阶段（{expected}）。请更正所报阶段，或更正该证据的阶段。",
        "en": "This evidence is of a later stage than the one reported ({expected}). Mend the one or the other.",
    },
    "linkage.same-entry": {
        "zh": "场景与产品是同一条目：请填写产品自己的编号。",
        "en": "The scene and the product are one and the same entry: name the product’s own.",
    },
    "linkage.scene-unknown": {
        "zh": "这里没有场景“{found}”。请核对编号，或先提交该场景。",
        "en": "There is no scene “{found}” here. Check its name, or send the scene first.",
    },
    "linkage.product-unknown": {
        "zh": "这里没有产品“{found}”。请核对编号，或先提交该产品。",
        "en": "There is no product “{found}” here. Check its name, or send the product first.",
    },
    "text.one-line": {
        "zh": "应为一行文字，其中却有换行或控制字符（{found}）。请改为空格。",
        "en": "This is to stand on one line, but holds a line break or control character ({found}). Put a blank there.",
    },
    "text.placeholder": {
        "zh": "“{found}”只是占位文字。请写出实际内容。",
        "en": "“{found}” only keeps the place. Write what is to be said.",
    },
    "text.language": {
        "zh": "所用语言与字段不符（{expected}）：zh 写中文，en 写英文。",
        "en": "Not in the language of its field ({expected}): zh holds Chinese, en English.",
    },
    "message.empty": {
        "zh": "消息没有内容。删除标记（空值）不表示撤回：请在网页或接口上撤回提交。",
        "en": "The message has no value. A tombstone withdraws nothing: withdraw a submission by its page or the API.",
    },
    "message.content-type": {
        "zh": "无法识别的内容类型“{found}”，应为 {expected}。",
        "en": "Unknown content type “{found}”: expected {expected}.",
    },
    "message.attribute": {
        "zh": "CloudEvents 属性缺失或有误，应为 {expected}。",
        "en": "A CloudEvents attribute is missing or wrong: expected {expected}.",
    },
    "message.header": {
        "zh": "该消息或同批中其前的消息有名称不是 UTF-8 的消息头（header），无法读取。请改用 UTF-8 名称后重新发送。",
        "en": "A header’s name is not UTF-8, in this message or in one before it in the same batch, so it could not be "
        "read. Rename it, and send this again.",
    },
    "message.unhandled": {
        "zh": "系统处理该消息时出错，并非内容有误。运维人员已收到通知，请稍后重新发送。",
        "en": "We failed to handle this message; its content is not to blame. Operators know: send it again later.",
    },
    "partner.mismatch": {
        "zh": "单位代码与提交方不符：应为 {expected}。",
        "en": "The owner is not the partner that sends this: expected {expected}.",
    },
    "revision.taken": {
        "zh": "该修订号已以不同内容收到。若是修改该条目，请以修订号 {expected} 提交；若是另一条目，请另取编号。",
        "en": "This revision was already received with other content. If this is a change of that entry, send it as "
        "revision {expected}; if it is another entry, give it a reference of its own.",
    },
    "revision.stale": {
        # Of what was refused long ago, `found` is the revision that was current then: neither text repeats it.
        "zh": "已收到更新的修订。若要以此内容取代它，请以修订号 {expected} 提交。",
        "en": "A newer revision is held. If this is to replace it, send it as revision {expected}.",
    },
    "submission.withdrawn": {
        "zh": "该提交已撤回：请使用新的编号。",
        "en": "This submission was withdrawn: use a new reference.",
    },
    "reference.full": {
        "zh": "该编号的提交次数已达上限：请使用新的编号。",
        "en": "This reference was sent in too many times: use a new one.",
    },
    "kind.changed": {
        "zh": "同一编号不能改变类别：应为 {expected}。若是另一条目，请另取编号。",
        "en": "A reference keeps its kind: expected {expected}. Another entry needs a reference of its own.",
    },
}

#: What each pattern asks, in words.
PATTERNS: dict[str, dict[str, str]] = {
    REFERENCE: {
        "zh": "应为 1 至 64 个字母、数字或 . _ -，以字母或数字开头",
        "en": "write 1 to 64 letters, digits or . _ -, the first a letter or digit",
    },
    ENTRY_ID: {"zh": "应为“统一社会信用代码/编号”", "en": "write <unified social credit code>/<reference>"},
    SHA256: {"zh": "应为 64 位小写十六进制数", "en": "write 64 hexadecimal digits in small letters"},
    HTTPS_URL: {
        "zh": "应为以 https:// 开头、不含空格的网址",
        "en": "write an address that starts with https:// and has no spaces",
    },
    TAG: {
        "zh": "应为一行文字，首尾没有空格",
        "en": "write one line without spaces at its ends",
    },
    PHONE: {
        "zh": "应为 6 至 20 个数字、空格或 -，可以 + 开头",
        "en": "write 6 to 20 digits, spaces or -, after a + if wanted",
    },
    EMAIL: {
        "zh": "应为电子邮件地址，如 name@example.org",
        "en": "write an e-mail address such as name@example.org",
    },
}
#: Why a text is no JSON, in words, by the codes of `schemas.json_text`. {place} is a byte or a line and column.
JSON: dict[str, dict[str, str]] = {
    "empty": {"zh": "内容为空，请写一个 JSON 对象", "en": "it is empty; write one JSON object"},
    "gzip": {
        "zh": "这是 gzip 压缩文件，请先解压，或以 Content-Encoding: gzip 发送",
        "en": "these bytes are gzip; unpack them first, or say Content-Encoding: gzip",
    },
    "no-text": {
        "zh": "这不是文本，而是压缩包、旧版 Excel（xls）或 PDF 之类的文件；表格请在网页上传，或另存为 UTF-8 的 JSON",
        "en": "this is no text but a packed file, an old workbook (xls), a PDF or the like; upload sheets on the page "
        "for them, or save it as JSON in UTF-8",
    },
    "zip": {
        "zh": "这是 zip 或 Excel（xlsx）文件；表格请在网页上传，或另存为 UTF-8 编码的 JSON",
        "en": "this is a zip or Excel (xlsx) file; upload sheets on the page for them, or save it as JSON in UTF-8",
    },
    "utf-16": {
        "zh": "文字似为 UTF-16 编码，请另存为 UTF-8",
        "en": "the text seems to be in UTF-16; save it as UTF-8",
    },
    "gb18030": {
        "zh": "文字似为 GB 18030（GBK）编码，请另存为 UTF-8",
        "en": "the text seems to be in GB 18030 (GBK); save it as UTF-8",
    },
    "utf-8": {
        "zh": "{place}不是 UTF-8 编码，请另存为 UTF-8",
        "en": "{place} is not UTF-8; save the text as UTF-8",
    },
    "utf-8-cut": {
        "zh": "文字在一个字符中间中断（{place}），似未传完，请完整重发",
        "en": "the text breaks off within a character ({place}); send it whole",
    },
    "nan": {
        "zh": "{place}的 NaN 或 Infinity 不是 JSON 的数字，请填写数字，或删去该字段",
        "en": "{place}: JSON has no NaN and no Infinity; write a number, or leave the field out",
    },
    "number": {"zh": "{place}的数字过大，请核对", "en": "{place}: this number is too large; check it"},
    "repeated": {
        "zh": "列表所在的字段出现了不止一次，请只保留一个",
        "en": "a field that leads to the list stands there more than once; keep only one of them",
    },
    "depth": {"zh": "嵌套层数过多", "en": "it is nested too deep"},
    "end": {
        "zh": "内容在{place}中断，缺少引号或括号，似未传完",
        "en": "it breaks off at {place}: a quote or bracket is missing, or it was not sent whole",
    },
    "comma": {"zh": "{place}多了一个逗号", "en": "{place}: there is a comma too many"},
    "after": {
        "zh": "JSON 在{place}之前已经结束，其后还有内容；多条提交请各占一行",
        "en": "the JSON ends before {place}, and more follows; send several submissions on a line each",
    },
    "control": {
        "zh": "{place}是未转义的控制字符，换行请写作 \\n",
        "en": "{place}: a control character is not escaped; write a line break as \\n",
    },
    "surrogate": {
        "zh": "{place}是不完整的字符（只有半个 \\u 转义），请改写整个字符",
        "en": "{place}: half a character (a \\u escape without its other half); write the whole character",
    },
    "quotes": {
        "zh": "{place}的引号不对，请使用英文双引号",
        "en": "{place}: wrong kind of quote; JSON has straight double quotes",
    },
    "syntax": {
        "zh": "{place}有语法错误，请检查引号、逗号和括号",
        "en": "{place}: a slip of syntax; check the quotes, commas and brackets",
    },
}
_JSON_CODE = re.compile(r"([a-z0-9-]+)(?:@(\d+)(?::(\d+))?)?")
#: JSON's types, in words.
TYPES: dict[str, dict[str, str]] = {
    "array": {"zh": "数组", "en": "an array"},
    "integer": {"zh": "整数", "en": "an integer"},
    "number": {"zh": "数字", "en": "a number"},
    "object": {"zh": "对象", "en": "an object"},
    "string": {"zh": "文字", "en": "text"},
}
#: What the two levels of scenes ask of their classification.
LEVELS: dict[str, dict[str, str]] = {
    "industrial → industry": {"zh": "产业级场景须写行业", "en": "an industrial scene has an industry"},
    "industrial → no theme": {"zh": "产业级场景不写主题", "en": "an industrial scene has no theme"},
    "enterprise → theme": {"zh": "企业级场景须写主题", "en": "an enterprise scene has a theme"},
    "enterprise → no industry": {"zh": "企业级场景不写行业", "en": "an enterprise scene has no industry"},
    "enterprise → no facility": {"zh": "企业级场景不写设施", "en": "an enterprise scene has no facility"},
}


def worded(rule: str, expected: str, language: str) -> str:
    """What a finding expects, in words: its `expected` is the same in every language."""
    match rule:
        case "pattern":
            return PATTERNS.get(expected, {}).get(language, expected)
        case "type":
            return TYPES.get(expected, {}).get(language, expected)
        case "json":
            return _illegible(expected, language)
        case "scene.level-fit":
            return LEVELS.get(expected, {}).get(language, expected)
        case "choice" if codes := CHOICES.findall(expected):
            if language == "en":
                return ", ".join(codes)
            return "、".join(f"{code}（{NAMES[code]['zh']}）" if code in NAMES else code for code in codes)
    return expected


def _illegible(expected: str, language: str) -> str:
    """Why a text is no JSON. Findings of long ago hold the parser's own words, which are told as they are."""
    told = _JSON_CODE.fullmatch(expected)
    if not told or told[1] not in JSON:
        advice = {"zh": "。请检查引号、逗号和 UTF-8 编码", "en": ". Check the quotes, commas and UTF-8 encoding"}
        return expected + advice[language]
    _, first, column = told.groups()
    if column:
        place = {"zh": f"第 {first} 行第 {column} 列", "en": f"line {first}, column {column}"}
    elif first:
        place = {"zh": f"第 {first} 个字节", "en": f"byte {first}"}
    else:  # a parser that names no place
        place = {"zh": "某处", "en": "somewhere"}
    return JSON[told[1]][language].format(place=place[language])
