"""The three forms, laid out by hand for the people who fill them in."""

from schemas.entry import OFFER_UNITS, District, Facility, Industry, OfferType, Stage, Theme
from submissions.forms.layout import Field, Group, Pair, Section
from submissions.marked import N_

_E = "/entry"
LEVEL = f"{_E}/level"

#: Readiness levels as ISO 16290 has them, in few words.
MATURITY = (
    ("1", N_("1 · Basic principles observed")),
    ("2", N_("2 · Technology concept formulated")),
    ("3", N_("3 · Proved in experiment")),
    ("4", N_("4 · Works in the laboratory")),
    ("5", N_("5 · Works in a relevant environment")),
    ("6", N_("6 · Demonstrated in a relevant environment")),
    ("7", N_("7 · Prototype demonstrated in operation")),
    ("8", N_("8 · Complete and qualified")),
    ("9", N_("9 · Proven in operation")),
)
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

_WHAT = (
    Pair(f"{_E}/title", N_("Title"), N_("2 to 80 characters in Chinese, up to 160 in English.")),
    Pair(
        f"{_E}/summary",
        N_("Summary"),
        N_("What it is, for whom, and what it brings. 10 to 2,000 characters in Chinese."),
        long=True,
    ),
)
_TAGS = Field(f"{_E}/tags", N_("Tags"), "lines", N_("Words people search for, one a line; at most 10."), optional=True)
_WHERE = (
    Field(f"{_E}/district", N_("District"), "select", options=tuple(District)),
    Pair(f"{_E}/zone", N_("Industrial function zone"), N_("Where it lies in one."), optional=True),
)
_DOCUMENT = (
    Pair("/title", N_("Name of the document")),
    Field("/href", N_("Address"), hint=N_("Begins with https:// and stays the same."), width=0),
    Field(
        "/sha256",
        N_("SHA-256 of the file"),
        hint=N_("64 characters that prove the file was not changed later."),
        width=0,
    ),
)
_ATTACHMENTS = Section(
    "documents",
    N_("Documents"),
    (Group(f"{_E}/attachments", N_("Documents"), N_("Document %(number)s"), N_("Add a document"), parts=_DOCUMENT),),
    N_("Reports, drawings or calls that reviewers and readers may open. The files stay where you keep them."),
)
_ABOUT_YOU = (
    Section(
        "owner",
        N_("Owner"),
        (Pair(f"{_E}/owner/name", N_("Name of your agency or enterprise")),),
        N_("Shown with the entry in the catalogue."),
    ),
    Section(
        "contact",
        N_("Contact: never published"),
        (
            Field(f"{_E}/contact/name", N_("Name of the person"), optional=True, width=20),
            Field(f"{_E}/contact/phone", N_("Telephone"), hint=N_("Such as 028-8555 0101."), optional=True, width=20),
            Field(f"{_E}/contact/email", N_("Email"), optional=True),
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


def _names(pointer: str, label: str, item: str, add: str, hint: str = "", least: int = 0) -> Group:
    return Group(f"{_E}/{pointer}", label, item, add, (Pair("", N_("In a few words")),), hint, least)


def _offers(pointer: str, label: str, item: str, add: str) -> Group:
    what = (
        Field("/type", N_("Type"), "select", options=tuple(OFFER_TYPES.items())),
        Field("/amount", N_("Amount"), "whole", N_("A whole number."), width=10),
        Pair("/description", N_("Description"), optional=True),
    )
    return Group(f"{_E}/{pointer}", label, item, add, what)


SCENE = (
    Section("what", N_("What it is"), (*_WHAT, _TAGS)),
    Section(
        "level",
        N_("Level and classification"),
        (
            Field(LEVEL, N_("Level"), "radios", options=("industrial", "enterprise")),
            Field(f"{_E}/industry", N_("Industry"), "select", options=tuple(Industry), only=(LEVEL, "industrial")),
            Field(
                f"{_E}/facility",
                N_("Facility"),
                "select",
                N_("Where the scene is more than an opportunity."),
                tuple(Facility),
                optional=True,
                only=(LEVEL, "industrial"),
            ),
            Field(f"{_E}/theme", N_("Theme"), "select", options=tuple(Theme), only=(LEVEL, "enterprise")),
        ),
    ),
    Section("where", N_("Where"), _WHERE),
    Section(
        "needs",
        N_("What it needs"),
        (
            _names(
                "needs",
                N_("Capabilities wanted"),
                N_("Need %(number)s"),
                N_("Add a need"),
                N_("What a product must be able to do to take part."),
                1,
            ),
            Field(f"{_E}/budget_yuan", N_("Budget, in yuan"), "whole", optional=True, width=10),
        ),
    ),
    Section(
        "offers",
        N_("What it offers"),
        (_offers("offers", N_("Offers"), N_("Offer %(number)s"), N_("Add an offer")),),
        N_("What the scene puts on the table. An offer is never promised twice."),
    ),
    Section(
        "dates",
        N_("Dates"),
        (Field(f"{_E}/opens", N_("Opens"), "date", width=10), Field(f"{_E}/closes", N_("Closes"), "date", width=10)),
        N_("From when until when enterprises may apply."),
    ),
    _ATTACHMENTS,
    *_ABOUT_YOU,
)
PRODUCT = (
    Section(
        "what",
        N_("What it is"),
        (
            *_WHAT,
            Field(f"{_E}/industry", N_("Industry"), "select", options=tuple(Industry)),
            Field(f"{_E}/maturity", N_("Maturity (TRL)"), "select", options=MATURITY, counts=True),
            _TAGS,
        ),
    ),
    Section(
        "can",
        N_("What it can do"),
        (
            _names("capabilities", N_("Capabilities"), N_("Capability %(number)s"), N_("Add a capability"), least=1),
            Group(
                f"{_E}/figures",
                N_("Technical figures"),
                N_("Figure %(number)s"),
                N_("Add a figure"),
                (
                    Pair("/name", N_("What is measured")),
                    Field("/value", N_("Value"), "number", width=10),
                    Field("/unit", N_("Unit"), hint=N_("Such as mm, s or °C."), width=10),
                ),
            ),
            Field(
                f"{_E}/interfaces",
                N_("Interfaces and standards"),
                "lines",
                N_("What it keeps to, one a line, such as OPC UA."),
                optional=True,
            ),
            Pair(f"{_E}/distinction", N_("What sets it apart"), long=True),
        ),
    ),
    Section("where", N_("Where"), _WHERE),
    Section(
        "chain",
        N_("Markets and supply chain"),
        (
            Field(
                f"{_E}/markets",
                N_("Markets it sells in"),
                "lines",
                N_("Countries, one a line, such as CN or TH."),
                optional=True,
            ),
            _names("takes", N_("What it takes from the global supply chain"), N_("Part %(number)s"), N_("Add a part")),
            _names(
                "gives", N_("What it gives to the global supply chain"), N_("Supply %(number)s"), N_("Add a supply")
            ),
        ),
    ),
    _ATTACHMENTS,
    *_ABOUT_YOU,
)
LINKAGE = (
    Section("what", N_("What it is"), (*_WHAT, _TAGS)),
    Section(
        "links",
        N_("What it links"),
        (
            Field(
                f"{_E}/scene", N_("Scene"), hint=N_("Its owner’s code and reference: 91510106MA6RH83W82/SC-2026-002.")
            ),
            Field(f"{_E}/product", N_("Product"), hint=N_("Its owner’s code and reference, written the same way.")),
            Field(
                f"{_E}/stage",
                N_("Stage"),
                "radios",
                N_("From the demonstration on, evidence measured at the stage is needed."),
                tuple(Stage),
            ),
        ),
    ),
    Section("where", N_("Where"), (*_WHERE, Pair(f"{_E}/site", N_("Site")))),
    Section(
        "dates",
        N_("Dates"),
        (
            Field(f"{_E}/starts", N_("Starts"), "date", width=10),
            Field(f"{_E}/ends", N_("Ends"), "date", optional=True, width=10),
        ),
    ),
    Section(
        "asks",
        N_("What it asks of the scene"),
        (_offers("asks", N_("Asks"), N_("Ask %(number)s"), N_("Add an ask")),),
        N_("Out of what the scene offers."),
    ),
    Section(
        "evidence",
        N_("Evidence"),
        (
            Group(
                f"{_E}/evidence",
                N_("Evidence"),
                N_("Measurement %(number)s"),
                N_("Add a measurement"),
                (
                    Field("/stage", N_("Stage"), "select", options=tuple(Stage)),
                    Pair("/measure", N_("What is measured")),
                    Field("/baseline", N_("Without it"), "number", width=10),
                    Field("/result", N_("With it"), "number", width=10),
                    Field("/unit", N_("Unit"), hint=N_("Such as mm, s or °C."), width=10),
                    *(
                        Pair(f"/document{part.pointer}", part.label)
                        if isinstance(part, Pair)
                        else Field(f"/document{part.pointer}", part.label, hint=part.hint, width=part.width)
                        for part in _DOCUMENT
                    ),
                ),
                most=10,
            ),
        ),
    ),
    _ATTACHMENTS,
    *_ABOUT_YOU,
)
FORMS: dict[str, tuple[Section, ...]] = {"scene": SCENE, "product": PRODUCT, "linkage": LINKAGE}
