"""Why a command was answered with no, for people."""

REFUSALS: dict[str, dict[str, str]] = {
    "case.unknown": {"zh": "没有这个案件。", "en": "There is no such case."},
    "case.decided": {"zh": "该案件已有决定。", "en": "This case has been decided."},
    "case.closed": {
        "zh": "该案件已结案：申报已撤回，或已有新修订。",
        "en": "This case is closed: the submission was withdrawn or has a newer revision.",
    },
    "case.own-partner": {
        "zh": "申报单位的人员不得评审本单位的案件。",
        "en": "The submitting partner’s own people do not review its cases.",
    },
    "case.conflict": {
        "zh": "已申明与该案件有利益冲突。",
        "en": "A conflict of interest in this case has been declared.",
    },
    "case.for-others": {"zh": "该案件由其他评审员评审。", "en": "This case is for other reviewers."},
    "case.too-many": {
        "zh": "您同时领取的案件已达上限。请先给出评审，或放回其中一件。",
        "en": "You hold as many cases as one may. Give a review first, or give one of them back.",
    },
    "case.reviewed": {"zh": "您已评审过该案件。", "en": "You have reviewed this case already."},
    "case.conflict-too-late": {
        "zh": "您评审之后已有他人评审，或案件已作出决定，评审不能再因利益冲突撤回。请告知运维员："
        "决定为未通过或待修改的，运维员可登记申诉，由其他评审员重新评审；已通过的，条目发布后由发布员更正或撤销。",
        "en": "Others have judged since your review, or the case is decided: a conflict of interest no longer takes "
        "the review back. Tell an operator. Where the decision is to reject or to request changes, they can note an "
        "objection to it, and others judge again; where it is to approve, publishers correct or retract what is "
        "published.",
    },
    "case.reviewed-previous": {
        "zh": "上一修订由您一人评审，本修订须由他人评审。",
        "en": "You alone reviewed the revision before: others review this one.",
    },
    "case.claimed": {"zh": "该案件已由他人领取。", "en": "Somebody else has claimed this case."},
    "case.not-held": {
        "zh": "您没有领取该案件，或领取已过期。请重新领取。",
        "en": "You do not hold this case, or your time ran out. Claim it again.",
    },
    "review.scores": {
        "zh": "请按每项标准打分，从 0 到 5 的整数。",
        "en": "Score every criterion, in whole numbers from 0 to 5.",
    },
    "review.comment": {
        "zh": "要求修改或不通过时，请写明理由，让申报单位知道如何改进。",
        "en": "To request changes or reject, say why, so that the partner knows what would mend it.",
    },
    "review.too-long": {
        "zh": "意见过长：最多 20,000 字。更长的内容请以附件链接说明。",
        "en": "This comment is too long: at most 20,000 characters. Give a link to what is longer.",
    },
    "case.experts-only": {"zh": "该案件只由专家评审。", "en": "Experts alone review this case."},
    "case.assigned": {
        "zh": "该案件已分派给足够的评审员。请先取消其中一项分派。",
        "en": "This case is assigned to as many as it waits for. Take one of them off first.",
    },
    "case.reserved": {
        "zh": "该案件已分派给他人，到期后才可领取。",
        "en": "This case is assigned to somebody else. It is free when their time has passed.",
    },
    "case.undo-too-late": {
        "zh": "收回时限已过，或案件已据此决定：评审意见不再更改。",
        "en": "The time to take the review back has passed, or the case was decided by it: the review stands.",
    },
    "case.not-decided": {"zh": "该案件尚无决定，无从申诉。", "en": "Nothing is decided yet that one could object to."},
    "case.approved": {
        "zh": "该案件已通过，不可申诉；已发布的条目由发布员更正或撤销。",
        "en": "An approval is not appealed. What is published is corrected or retracted by the publishers.",
    },
    "case.outdated": {
        "zh": "已有新修订，请在新修订的案件中处理。",
        "en": "There is a newer revision: its own case is where to go on.",
    },
    "appeal.reason": {"zh": "请写明申诉理由。", "en": "Say what the objection is."},
    "appeal.too-long": {"zh": "理由过长：最多 20,000 字。", "en": "This is too long: at most 20,000 characters."},
    "reviewer.unknown": {"zh": "名册中没有此人。", "en": "There is no such person on the roster."},
    "reviewer.removed": {
        "zh": "您已不在评审员名册中。如有疑问，请联系运维员。",
        "en": "You are no longer on the roster of reviewers. If that is a mistake, ask an operator.",
    },
}
