"""What the three forms have in common: sections of each, and groups that several ask for."""

from schemas.entry import OFFER_UNITS, District, OfferType
from submissions.forms.layout import Field, Group, Pair, Section
from submissions.marked import N_

ENTRY = "/entry"
#: Each type of offer with its one unit, which need not be asked for.
OFFER_TYPES = {
    OfferType.SPACE: N_("Space, in square metres"),
    OfferType.FUND: N_("New-economy fund, in yuan"),
    OfferType.CREDIT: N_("New-economy credit, in yuan"),
    OfferType.DATA: N_("Data, in data sets"),
    OfferType.TECHNOLOGY: N_("Technology, in licences"),
    OfferType.TALENT: N_("Talent, in people"),
}
assert OFFER_TYPES.keys() == OFFER_UNITS.keys()

WHAT = (
    Pair(f"{ENTRY}/title", N_("Title"), N_("2 to 80 characters in Chinese, up to 160 in English.")),
    Pair(
        f"{ENTRY}/summary",
        N_("Summary"),
        N_("What it is, for whom, and what it brings. 10 to 2,000 characters in Chinese."),
        long=True,
    ),
)
TAGS = Field(
    f"{ENTRY}/tags", N_("Tags"), "lines", N_("Words people search for, one a line; at most 10."), optional=True
)
WHERE = (
    Field(f"{ENTRY}/district", N_("District"), "select", options=tuple(District)),
    Pair(f"{ENTRY}/zone", N_("Industrial function zone"), N_("Where it lies in one."), optional=True),
)
DOCUMENT = (
    Pair("/title", N_("Name of the document")),
    Field("/href", N_("Address"), hint=N_("Begins with https:// and stays the same."), width=0),
    Field(
        "/sha256",
        N_("SHA-256 of the file"),
        hint=N_("64 characters that prove the file was not changed later."),
        width=0,
    ),
)
ATTACHMENTS = Section(
    "documents",
    N_("Documents"),
    (Group(f"{ENTRY}/attachments", N_("Documents"), N_("Document %(number)s"), N_("Add a document"), parts=DOCUMENT),),
    N_("Reports, drawings or calls that reviewers and readers may open. The files stay where you keep them."),
)
ABOUT_YOU = (
    Section(
        "owner",
        N_("Owner"),
        (Pair(f"{ENTRY}/owner/name", N_("Name of your agency or enterprise")),),
        N_("Shown with the entry in the catalogue."),
    ),
    Section(
        "contact",
        N_("Contact: never published"),
        (
            Field(f"{ENTRY}/contact/name", N_("Name of the person"), optional=True, width=20),
            Field(
                f"{ENTRY}/contact/phone", N_("Telephone"), hint=N_("Such as 028-8555 0101."), optional=True, width=20
            ),
            Field(f"{ENTRY}/contact/email", N_("Email"), optional=True),
        ),
        N_("For reviewers’ questions only. It stays with this service: no reader, feed or subscriber ever gets it."),
    ),
    Section(
        "reference",
        N_("Your reference"),
        (
            Field(
                "/reference",
                N_("Reference"),
                hint=N_("Your own name for it, kept for ever: letters, digits, dots, dashes; at most 64 characters."),
            ),
            Field(
                "/revision",
                N_("Revision"),
                "whole",
                N_("1 the first time; each change you send has the next number."),
                width=4,
            ),
        ),
    ),
)


def names(pointer: str, label: str, item: str, add: str, hint: str = "", least: int = 0) -> Group:
    return Group(f"{ENTRY}/{pointer}", label, item, add, (Pair("", N_("In a few words")),), hint, least)


def offers(pointer: str, label: str, item: str, add: str) -> Group:
    what = (
        Field("/type", N_("Type"), "select", options=tuple(OFFER_TYPES.items())),
        Field("/amount", N_("Amount"), "whole", N_("A whole number."), width=10),
        Pair("/description", N_("Description"), optional=True),
    )
    return Group(f"{ENTRY}/{pointer}", label, item, add, what)
