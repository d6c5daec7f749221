"""What a replay found, and what events are called, in words: for pages and terminal alike."""

import re

from audit import reasons
from audit.examine import NOT_LIVE, Kind
from schemas.envelope import Json
from web.languages import _, moment, ngettext, say
from web.shell import per_second
from web.words import word


def headline(verdict: Json) -> str:
    """The verdict in a word and a sentence."""
    kind = outcome(verdict)
    return (_("Nothing to compare") if kind == "nothing" else word(kind)) + _(". ") + sentence(verdict)


def outcome(verdict: Json) -> str:
    """equal, different, or nothing: there was nothing to compare, which is neither."""
    return "different" if verdict["differing"] else "equal" if verdict["streams"] else "nothing"


def sentence(verdict: Json) -> str:
    """What the verdict means."""
    n, equal = verdict["differing"], outcome(verdict) == "equal"
    if outcome(verdict) == "nothing":
        return _nothing(verdict)
    if equal and verdict.get("against") == "nothing":
        return _("History is in order and can be folded; it was held against nothing else.")
    if equal and verdict.get("against") == "bundle":
        return _("Kafka still says, event by event, what the bundle proves.")
    if equal:
        return _("Replaying history gives the live state, stream by stream.")
    if verdict.get("against") == "nothing":
        text = ngettext(
            "History is not in order in %(count)s place.", "History is not in order in %(count)s places.", n
        )
        return text % {"count": f"{n:,}"}
    if verdict.get("against") == "bundle":
        text = ngettext(
            "Kafka and the bundle part in %(count)s place.", "Kafka and the bundle part in %(count)s places.", n
        )
        return text % {"count": f"{n:,}"}
    text = ngettext(
        "History and live state part in %(count)s place.",
        "History and live state part in %(count)s places.",
        n,
    )
    return text % {"count": f"{n:,}"}


def _nothing(verdict: Json) -> str:
    """Where nothing was looked for in vain."""
    stream, service = verdict["stream"], verdict["service"]
    history_alone = verdict.get("until") or verdict.get("against") == "nothing"
    if not stream:
        return (
            _("No history that was read has any stream.")
            if history_alone
            else _("Neither history nor database has any stream.")
        )
    if history_alone:
        text = _("No history that was read has the stream %(stream)s. Names are exact: %(example)s.")
    elif service:
        text = _(
            "Neither history nor database of this service (%(service)s) has the stream %(stream)s. "
            "Names are exact: %(example)s."
        )
    else:
        text = _("Neither history nor database of any service has the stream %(stream)s. Names are exact: %(example)s.")
    return text % {"stream": stream, "service": word(service), "example": "partner/reference@revision"}


def shadowed(shadow: Json) -> str:
    """What changed code makes of a history."""
    if not shadow["streams"]:
        return _("The histories hold no stream, so there was nothing to fold. Is this the Kafka that you mean?")
    if not shadow["differing"]:
        return _("The changed code folds all %(streams)s streams to the same states.") % {
            "streams": f"{shadow['streams']:,}"
        }
    text = ngettext(
        "%(count)s of %(streams)s streams would be in another state.",
        "%(count)s of %(streams)s streams would be in another state.",
        shadow["differing"],
    )
    return text % {"count": f"{shadow['differing']:,}", "streams": f"{shadow['streams']:,}"}


def noticed(verdict: Json) -> str:
    """How much is odd besides."""
    text = ngettext("%(count)s thing was noticed besides", "%(count)s things were noticed besides", verdict["noticed"])
    return text % {"count": f"{verdict['noticed']:,}"}


def confined(verdict: Json) -> str:
    """What a history that was cut means for the comparison."""
    text = ngettext(
        "Up to %(until)s. %(count)s stream went on after that: of it the events are compared, not the state.",
        "Up to %(until)s. %(count)s streams went on after that: of those the events are compared, not the state.",
        verdict["went_on"],
    )
    return text % {"until": _cut(verdict["until"]), "count": f"{verdict['went_on']:,}"}


def _cut(until: str) -> str:
    """The place of a cut: an offset, or a moment by the city’s clocks and exactly."""
    if until.isdecimal():
        return _("offset %(offset)s of each partition") % {"offset": f"{int(until):,}"}
    return _("%(moment)s (%(exactly)s)") % {"moment": moment(until), "exactly": until}


def servers(told: Json) -> str:
    """Which Kafka and which MongoDB were read; empty of a verdict from before that was kept."""
    kafka, mongo = told.get("kafka"), told.get("mongo")
    if kafka and mongo:
        text = _("Read from Kafka at %(kafka)s and MongoDB at %(mongo)s")
    elif kafka:
        text = _("Read from Kafka at %(kafka)s")
    else:
        text = _("Read from MongoDB at %(mongo)s") if mongo else ""
    return text % {"kafka": kafka, "mongo": mongo}


def what(kind: str) -> str:
    """What kind of difference this is, in a few words."""
    return {
        Kind.STATE: _("The live state is not the fold of its events"),
        Kind.EVENT: _("A live event is not what history says"),
        Kind.EVENT_NOT_LIVE: _("An event of history is missing live"),
        Kind.EVENT_NOT_ON_KAFKA: _("A live event is not on Kafka"),
        Kind.STREAM_NOT_LIVE: _("A stream of history is missing live"),
        Kind.STREAM_NOT_ON_KAFKA: _("A live stream is not on Kafka"),
        Kind.VERSION: _("The live version does not count its events"),
        Kind.JUMP: _("History lacks an event: the sequence jumps"),
        Kind.CONFLICT: _("History has two events with one number"),
        Kind.UNFOLDABLE: _("The domain cannot fold this event"),
        Kind.UNREADABLE: _("A message on Kafka is not an event"),
        Kind.UNKNOWN_TYPE: _("An event is of a type that no service has"),
        Kind.FUTURE_VERSION: _("An event is of a later version than this program knows"),
        Kind.SPLIT: _("A stream lies on several partitions"),
        Kind.BUNDLE_EVENT: _("An event on Kafka is not what the bundle proves"),
        Kind.BUNDLE_EVENT_NOT_ON_KAFKA: _("An event of the bundle is not on Kafka"),
        Kind.GAP: _("A partition does not begin at its beginning"),
        Kind.CAUSE_UNKNOWN: _("An event’s cause is in no history"),
        Kind.NO_EFFECT: _("What should have followed from an event has not"),
        Kind.CLOCK: _("An event is dated more than a second before an earlier one"),
    }[Kind(kind)]


def advice(kind: str) -> str:
    """What it means and what to do next."""
    return {
        Kind.STATE: _("All events are equal, so somebody changed the state outside the service. History is right."),
        Kind.EVENT: _("Somebody changed a stored event after it was sent. History holds what was sent."),
        Kind.EVENT_NOT_LIVE: _(
            "Somebody removed it from the database, or the database was restored from an older backup."
        ),
        Kind.EVENT_NOT_ON_KAFKA: _(
            "It was waited for and did not come. If the relay is behind, replay again when it has caught up; "
            "otherwise it was written outside the service."
        ),
        Kind.STREAM_NOT_LIVE: _(
            "Somebody removed the stream from the database, or the database was restored from an older backup."
        ),
        Kind.STREAM_NOT_ON_KAFKA: _(
            "It was waited for and did not come. If the relay is behind, replay again when it has caught up; "
            "otherwise it was written outside the service."
        ),
        Kind.VERSION: _("Somebody changed the version outside the service: the stream can take no further decision."),
        Kind.JUMP: _("An event was lost on Kafka, or came out of order. Look at the relay’s log at this position."),
        Kind.CONFLICT: _("Something other than the relay has sent to this topic. Look at who may write to it."),
        Kind.UNFOLDABLE: _("The code that folds has changed and no longer reads its own history."),
        Kind.UNREADABLE: _("Something other than the relay has sent to this topic. Look at who may write to it."),
        Kind.UNKNOWN_TYPE: _(
            "A service that this program does not know has written it, or something other than the relay has sent it. "
            "Look at who may write to this topic."
        ),
        Kind.FUTURE_VERSION: _(
            "A later release of the services has written it. Replay with the code of that release; "
            "until then this stream is not judged."
        ),
        Kind.SPLIT: _(
            "The number of partitions was changed half-way, so nobody can tell for certain in which order its events "
            "came. Copy the history as docs/how-to/raise-partitions.md says."
        ),
        Kind.BUNDLE_EVENT: _(
            "The bundle’s event is in the log under a signed checkpoint: history was changed since. Keep the bundle, "
            "and look at who may write to Kafka."
        ),
        Kind.BUNDLE_EVENT_NOT_ON_KAFKA: _(
            "It was there when the bundle was made: history was cut or replaced since. Look at the topic’s retention, "
            "and at who may write to Kafka."
        ),
        Kind.GAP: _(
            "Retention or somebody has deleted the first events of this history. Restore the topic from a backup, "
            "and set retention.ms to -1."
        ),
        Kind.CAUSE_UNKNOWN: _(
            "The event that it names was lost from its history, or never was there. Look that stream up, "
            "and at who may write to the topics."
        ),
        Kind.NO_EFFECT: _(
            "The worker that should react is behind, or has parked the stream. Look at the console, "
            "and redrive what is parked."
        ),
        Kind.CLOCK: _(
            "The clock of a host ran backwards, or what was sent first was handled later. "
            "The order of events is that of their numbers; look at the hosts’ time synchronisation."
        ),
    }[Kind(kind)]


#: What a service's rebuild puts right (docs/how-to/rebuild.md): history is in order, and the database is not.
REBUILT = (Kind.STATE, Kind.EVENT, Kind.EVENT_NOT_LIVE, Kind.STREAM_NOT_LIVE, Kind.VERSION)


def remedy(difference: Json) -> str:
    """The command that puts it right; empty where none does."""
    return f"python -m {difference['service']} replay" if difference["kind"] in REBUILT else ""


def named(difference: Json) -> str:
    """The stream at fault; of a message that is none's, its key."""
    if difference["noun"] or difference["stream"]:
        return " ".join(filter(None, (difference["noun"], difference["stream"])))
    keyed = difference["kind"] in (Kind.UNREADABLE, Kind.UNKNOWN_TYPE, Kind.FUTURE_VERSION)
    return _("(no key)") if keyed else ""


def reason(difference: Json) -> str:
    """What is said of it besides, in the language spoken."""
    detail = difference["detail"] or ""
    jumped = re.fullmatch(rf"(\d+) → (\d+)(?:{NOT_LIVE})?", detail)
    if difference["kind"] != Kind.JUMP or not jumped:
        text = reasons.said(detail.removesuffix(NOT_LIVE))
    else:
        first, last = int(jumped[1]), int(jumped[2]) - 1
        one, several = _("History lacks event %(first)s."), _("History lacks the events %(first)s to %(last)s.")
        text = (one if first == last else several) % {"first": first, "last": last}
    return _("%(said)s The stream is not live either.") % {"said": text} if detail.endswith(NOT_LIVE) else text


def pace(progress: Json) -> str:
    """How fast it goes, and how long it takes yet."""
    rate = progress["done"] / progress["seconds"]
    left = (progress["total"] - progress["done"]) / rate
    return _("%(rate)s, about %(left)s s left") % {"rate": per_second(rate), "left": f"{left:,.0f}"}


def doing(phase: str) -> str:
    """What a replay does in this phase."""
    return {
        "history": _("Folding the history and comparing it with the live streams"),
        "alone": _("Folding the history, and comparing it with nothing else"),
        "both": _("Folding the history with the code that runs and with the changed code"),
        "bundle": _("Comparing the history with the bundle"),
        "relay": _("Waiting for what the relay has yet to send"),
        "live": _("Looking for live streams that no history has"),
        "links": _("Looking for causes that are missing, and for effects that did not come"),
    }[phase]


#: What events are called, by type without its version.
EVENTS: dict[str, dict[str, str]] = {
    "submission.received": {"zh": "申报已收到", "en": "Submission received"},
    "submission.revised": {"zh": "申报已修订", "en": "Submission revised"},
    "submission.withdrawn": {"zh": "申报已撤回", "en": "Submission withdrawn"},
    "submission.contact-read": {"zh": "联系人信息已被查看", "en": "Contact read"},
    "submission.contact-erased": {"zh": "联系人信息已抹除", "en": "Contact erased"},
    "submission.refused": {"zh": "申报被拒收", "en": "Submission refused"},
    "partner.registered": {"zh": "合作方已登记", "en": "Partner registered"},
    "partner.key-issued": {"zh": "密钥已签发", "en": "Key issued"},
    "partner.key-expiry-set": {"zh": "密钥已定到期时间", "en": "Key expiry set"},
    "partner.key-revoked": {"zh": "密钥已吊销", "en": "Key revoked"},
    "source.added": {"zh": "数据源已添加", "en": "Source added"},
    "source.changed": {"zh": "数据源已更改", "en": "Source changed"},
    "source.paused": {"zh": "数据源已暂停", "en": "Source paused"},
    "source.resumed": {"zh": "数据源已恢复", "en": "Source resumed"},
    "source.removed": {"zh": "数据源已移除", "en": "Source removed"},
    "partner.kafka-access-granted": {"zh": "已开通 Kafka 访问", "en": "Kafka access granted"},
    "partner.kafka-access-revoked": {"zh": "已吊销 Kafka 访问", "en": "Kafka access revoked"},
    "case.opened": {"zh": "案件已立案", "en": "Case opened"},
    "case.checked": {"zh": "机器检查完成", "en": "Case checked"},
    "case.assigned": {"zh": "案件已分派", "en": "Case assigned"},
    "case.unassigned": {"zh": "案件分派已取消", "en": "Case no longer assigned"},
    "case.extended": {"zh": "领取期限已变更", "en": "Lease changed"},
    "case.review-withdrawn": {"zh": "评审意见已收回", "en": "Review taken back"},
    "case.appealed": {"zh": "案件已申诉", "en": "Case appealed"},
    "reviewer.registered": {"zh": "评审员已列入名册", "en": "Reviewer registered"},
    "reviewer.changed": {"zh": "评审员资料已变更", "en": "Reviewer changed"},
    "reviewer.removed": {"zh": "评审员已移出名册", "en": "Reviewer removed"},
    "case.claimed": {"zh": "案件已领取", "en": "Case claimed"},
    "case.released": {"zh": "案件已放回", "en": "Case given back"},
    "case.conflict-declared": {"zh": "评审员申明回避", "en": "Conflict of interest declared"},
    "case.review-given": {"zh": "评审意见已提交", "en": "Review given"},
    "case.decided": {"zh": "案件已决定", "en": "Case decided"},
    "case.closed": {"zh": "案件已结案", "en": "Case closed"},
    "entry.queued": {"zh": "条目待发布", "en": "Entry queued"},
    "entry.withdrawn": {"zh": "条目已撤回", "en": "Entry withdrawn"},
    "entry.scheduled": {"zh": "条目已排期", "en": "Entry scheduled"},
    "entry.unscheduled": {"zh": "条目已移出排期", "en": "Entry taken off the schedule"},
    "entry.published": {"zh": "条目已发布", "en": "Entry published"},
    "entry.corrected": {"zh": "条目已更正", "en": "Entry corrected"},
    "entry.retracted": {"zh": "条目已撤销", "en": "Entry retracted"},
    "release.opened": {"zh": "发布批次已开启", "en": "Release opened"},
    "release.entry-added": {"zh": "条目已收入批次", "en": "Entry added to the release"},
    "release.entry-refused": {"zh": "批次未收入该条目", "en": "Entry refused by the release"},
    "release.entry-removed": {"zh": "条目已移出批次", "en": "Entry removed from the release"},
    "release.frozen": {"zh": "批次已锁定", "en": "Release frozen"},
    "release.published": {"zh": "批次已发布", "en": "Release published"},
    "subscription.requested": {"zh": "订阅待确认", "en": "Subscription requested"},
    "subscription.confirmed": {"zh": "订阅已确认", "en": "Subscription confirmed"},
    "subscription.suspended": {"zh": "订阅已暂停", "en": "Subscription suspended"},
    "subscription.cancelled": {"zh": "订阅已取消", "en": "Subscription cancelled"},
    "delivery.queued": {"zh": "投递已排队", "en": "Delivery queued"},
    "delivery.attempted": {"zh": "投递未成功", "en": "Delivery attempted"},
    "delivery.delivered": {"zh": "已送达", "en": "Delivered"},
    "delivery.abandoned": {"zh": "投递已放弃", "en": "Delivery abandoned"},
}


def event_name(type: str | None) -> str:
    """What an event of this type is called in the language spoken; the type itself where it has no name."""
    return say(EVENTS.get((type or "").rpartition(".")[0], type))
