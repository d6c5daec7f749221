"""What the domain answers with no, as the Problem it is to whoever asked."""

from schemas.envelope import Refusal
from submissions.callers import unknown_submission
from web.languages import _
from web.problems import Problem


def raise_for(refusal: Refusal | None) -> None:
    """Raises the Problem of a refusal; does nothing where there is none."""
    if refusal is None:
        return
    match refusal.rule:
        case "submission.unknown":
            raise unknown_submission()
        case "submission.only-refused":
            detail = _(
                "It was only ever refused. Nothing is left to be done about it, unless you want to send it again."
            )
            raise Problem(409, "nothing-to-withdraw", _("Nothing of this was taken in"), detail)
        case "contact.none":
            detail = _("No revision names one, or it was erased.")
            raise Problem(404, "no-contact", _("There is no contact to read"), detail)
        case "contact.history-full":
            detail = _("Each reading is recorded, and what room is left is kept for withdrawing and erasing.")
            raise Problem(409, "history-full", _("The history of this reference is full"), detail)
        case "submission.published":
            detail = _("It is in the catalogue. Ask the publishers to retract it, or send a corrected revision.")
            raise Problem(409, "submission-published", _("What is published cannot be withdrawn"), detail)
        case "reference.full":
            detail = _(
                "Nothing more can be recorded under it, not even that it is withdrawn. Ask the reviewers to reject it."
            )
            raise Problem(409, "reference-full", _("The history of this reference is full"), detail)
        case "partner.registered":
            detail = _("It is registered under another name or type already.")
            raise Problem(409, "partner-registered", _("This code is taken"), detail)
        case "partner.unknown":
            detail = _("An operator registers it first.")
            raise Problem(404, "unknown-partner", _("This partner is not registered"), detail)
        case "partner.keys-full":
            detail = _("Revoke a key that is no longer used first: %(most)s are the most.") % refusal.detail
            raise Problem(409, "keys-full", _("There are too many keys"), detail)
        case "partner.accounts-full":
            detail = _("Revoke an account that is no longer used first: %(most)s are the most.") % refusal.detail
            raise Problem(409, "accounts-full", _("There are too many Kafka accounts"), detail)
        case "partner.full":
            detail = _(
                "So much was done with keys and accounts already. Those in use go on working, and can be revoked."
            )
            raise Problem(409, "partner-full", _("No more keys or accounts can be issued"), detail)
        case "account.unknown":
            raise Problem(404, "unknown-account", _("There is no such Kafka account"))
        case "key.unknown":
            raise Problem(404, "unknown-key", _("There is no such key"))
        case "key.over":
            detail = _("It is revoked or has expired. Issue another key instead.")
            raise Problem(409, "key-over", _("This key cannot be rotated"), detail)
        case "key.expires-early":
            raise Problem(422, "expires-early", _("The key would have expired already"), _("Choose a later day."))
        case "key.expires-late":
            detail = _("Choose a day within ten years, or none.")
            raise Problem(422, "expires-late", _("The key would expire too late"), detail)
        case rule:
            raise AssertionError(f"no problem is written for the refusal {rule}")
