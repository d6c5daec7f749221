"""The page inside an evidence bundle: what it is, what it proves, how to verify it; in English and Chinese beside each
other, since whoever opens it years from now has no setting to choose by."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from markupsafe import Markup

from audit.log.note import Checkpoint


class Listed(Protocol):
    @property
    def leaf(self) -> int: ...
    @property
    def ref(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def actor(self) -> str: ...


_HOLDS = {
    "stream": ("All events of the stream {0}", "流 {0} 的全部事件"),
    "release": ("The release {0}, with the whole history of its entries", "{0} 月发布，及其各条目的完整历史"),
    "month": (
        "All events of {0}, and those between them in their streams",
        "{0} 月的全部事件，以及各流中介于其间的事件",
    ),
}

_STYLE = (
    "body{font:16px/1.6 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;margin:2rem auto;"
    "max-width:70rem;padding:0 1rem;color:#0b0c0c}h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}"
    "code,pre{font:14px/1.5 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}"
    "table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #b1b4b6;padding:.35rem .5rem;"
    "text-align:left;vertical-align:top}"
    ".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem 3rem}"
    ".wide{overflow-x:auto}"
)

_TEXT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evidence 证据包: {holds_en}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Evidence <span lang="zh">证据包</span></h1>
<div class="two">
<section>
<h2>What this is</h2>
<p>{holds_en}: {count} events, as Shuangqian recorded them, exported {made}, as whoever exported it says. Each is a
leaf of the transparency log <code>{origin}</code>, and <code>proofs/</code> holds, for each, the proof that it is.</p>
<h2>What it proves</h2>
<p>That each event was in the log when the checkpoint was signed, and is unchanged since. Whoever holds a later
checkpoint of the same log can ask for proof that it continues this one. The witnesses whose keys are in
<code>witnesses</code>, if any, have seen that the log only ever grew: hold the keys against those that you know. A
timestamp, if there is one, says when at the latest.</p>
<p>It does not prove that what an event says is true. That no later event of a stream is left out at its end, no earlier
one at its beginning where the bundle is of a month, nor a whole stream, only the log itself can tell: ask it.</p>
<h2>How to verify it</h2>
<p>Without network: <code>shuangqian audit verify BUNDLE --key KEY</code>, with the log’s public key as you know it, not
as this bundle brings it; <code>--tsa-root FILE</code> tells whether a root that you trust vouches for who signed the
timestamp. Any other software that reads c2sp.org/tlog-proof will do: a file in <code>events/</code> is an event in its
RFC 8785 form, and its SHA-256 is the log’s entry. This page is verified too:
it follows from the rest, word by word.</p>
<p>Events hold what was said to the service. Contacts are sealed in them, under keys that no bundle holds; events from
before contacts were sealed hold them openly, and other texts may name people. Handle them so.</p>
</section>
<section lang="zh">
<h2>这是什么</h2>
<p>{holds_zh}：共 {count} 个事件，与双千平台所记录的一致，导出时间为 {made}（由导出者自述）。
每个事件都是透明日志 <code>{origin}</code> 的一片叶子，<code>proofs/</code> 中有其各自的证明。</p>
<h2>它证明什么</h2>
<p>签署检查点时，每个事件都已在日志中，此后未被改动。持有同一日志较新检查点者，可要求证明它是本检查点的延续。
文件 <code>witnesses</code> 中如列有见证方的公钥，说明其确认过日志只增不改：请与您已知的公钥核对。
如有时间戳，则证明最晚的存在时间。</p>
<p>它不证明事件所述属实。一个流的末尾是否遗漏了更晚的事件，按月导出时其开头是否遗漏了更早的事件，
或是否遗漏了整个流，只有日志本身能回答：请向日志查询。</p>
<h2>如何验证</h2>
<p>无需联网：<code>shuangqian audit verify BUNDLE --key KEY</code>，其中公钥应取自您已知的来源，而不是本证据包；
<code>--tsa-root FILE</code> 用于核验时间戳的签发者是否有您信任的根证书背书。
任何能读取 c2sp.org/tlog-proof 的软件也可验证：<code>events/</code> 中的每个文件都是事件的 RFC 8785 规范形式，
其 SHA-256 即日志条目。
本页也在验证之列：它逐字由其余文件得出。</p>
<p>事件保留了当时提交的内容；其中的联系人信息已加密，密钥不在任何证据包中；
启用加密之前的事件仍含明文联系人信息，其他文字中也可能出现人名，请妥善处理。</p>
</section>
</div>
<h2>Checkpoint <span lang="zh">检查点</span></h2>
<p>{size} leaves <span lang="zh">片叶子</span>, root <span lang="zh">根</span> <code>{root}</code></p>
<h2>Events <span lang="zh">事件</span></h2>
<div class="wide" tabindex="0" role="region" aria-label="Events 事件">
<table>
<thead><tr><th scope="col">Leaf <span lang="zh">叶</span></th><th scope="col">Event <span lang="zh">事件</span></th>
<th scope="col">Type <span lang="zh">类型</span></th><th scope="col">Time <span lang="zh">时间</span></th>
<th scope="col">Actor <span lang="zh">行为者</span></th></tr></thead>
<tbody>
{rows}</tbody>
</table>
</div>
</main>
</body>
</html>
"""
#: Between two Chinese characters a line's end would be shown as a space.
_PAGE = Markup(re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?!<)", "", _TEXT))

_ROW = Markup(
    '<tr><td><a href="events/{leaf:09}.json">{leaf}</a></td><td><code>{ref}</code></td><td><code>{type}</code></td>'
    "<td>{time}</td><td><code>{actor}</code></td></tr>\n"
)


def page(what: Mapping[str, str], made: str, head: Checkpoint, items: Sequence[Listed]) -> str:
    """The page's HTML; it needs nothing from anywhere else."""
    ((kind, name),) = what.items()
    english, chinese = _HOLDS[kind]
    rows = Markup("").join(
        _ROW.format(leaf=each.leaf, ref=each.ref, type=each.type, time=each.time, actor=each.actor) for each in items
    )
    return str(
        _PAGE.format(
            holds_en=english.format(name),
            holds_zh=chinese.format(name),
            style=Markup(_STYLE),
            count=len(items),
            made=made,
            origin=head.origin,
            size=head.size,
            root=head.root.hex(),
            rows=rows,
        )
    )
