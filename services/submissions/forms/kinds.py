"""The three forms, laid out by hand for the people who fill them in."""

from schemas.entry import Facility, Industry, Stage, Theme
from submissions.forms.layout import Field, Group, Pair, Section
from submissions.forms.parts import ABOUT_YOU, ATTACHMENTS, DOCUMENT, ENTRY, TAGS, WHAT, WHERE, names, offers
from submissions.marked import N_

LEVEL = f"{ENTRY}/level"

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
SCENE = (
    Section("what", N_("What it is"), (*WHAT, TAGS)),
    Section(
        "level",
        N_("Level and classification"),
        (
            Field(LEVEL, N_("Level"), "radios", options=("industrial", "enterprise")),
            Field(f"{ENTRY}/industry", N_("Industry"), "select", options=tuple(Industry), only=(LEVEL, "industrial")),
            Field(
                f"{ENTRY}/facility",
                N_("Facility"),
                "select",
                N_("Where the scene is more than an opportunity."),
                tuple(Facility),
                optional=True,
                only=(LEVEL, "industrial"),
            ),
            Field(f"{ENTRY}/theme", N_("Theme"), "select", options=tuple(Theme), only=(LEVEL, "enterprise")),
        ),
    ),
    Section("where", N_("Where"), WHERE),
    Section(
        "needs",
        N_("What it needs"),
        (
            names(
                "needs",
                N_("Capabilities wanted"),
                N_("Need %(number)s"),
                N_("Add a need"),
                N_("What a product must be able to do to take part."),
                1,
            ),
            Field(f"{ENTRY}/budget_yuan", N_("Budget, in yuan"), "whole", optional=True, width=10),
        ),
    ),
    Section(
        "offers",
        N_("What it offers"),
        (offers("offers", N_("Offers"), N_("Offer %(number)s"), N_("Add an offer")),),
        N_("What the scene puts on the table. An offer is never promised twice."),
    ),
    Section(
        "dates",
        N_("Dates"),
        (
            Field(f"{ENTRY}/opens", N_("Opens"), "date", width=10),
            Field(f"{ENTRY}/closes", N_("Closes"), "date", width=10),
        ),
        N_("From when until when enterprises may apply."),
    ),
    ATTACHMENTS,
    *ABOUT_YOU,
)
PRODUCT = (
    Section(
        "what",
        N_("What it is"),
        (
            *WHAT,
            Field(f"{ENTRY}/industry", N_("Industry"), "select", options=tuple(Industry)),
            Field(f"{ENTRY}/maturity", N_("Maturity (TRL)"), "select", options=MATURITY, counts=True),
            TAGS,
        ),
    ),
    Section(
        "can",
        N_("What it can do"),
        (
            names("capabilities", N_("Capabilities"), N_("Capability %(number)s"), N_("Add a capability"), least=1),
            Group(
                f"{ENTRY}/figures",
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
                f"{ENTRY}/interfaces",
                N_("Interfaces and standards"),
                "lines",
                N_("What it keeps to, one a line, such as OPC UA."),
                optional=True,
            ),
            Pair(f"{ENTRY}/distinction", N_("What sets it apart"), long=True),
        ),
    ),
    Section("where", N_("Where"), WHERE),
    Section(
        "chain",
        N_("Markets and supply chain"),
        (
            Field(
                f"{ENTRY}/markets",
                N_("Markets it sells in"),
                "lines",
                N_("Countries, one a line, such as CN or TH."),
                optional=True,
            ),
            names("takes", N_("What it takes from the global supply chain"), N_("Part %(number)s"), N_("Add a part")),
            names("gives", N_("What it gives to the global supply chain"), N_("Supply %(number)s"), N_("Add a supply")),
        ),
    ),
    ATTACHMENTS,
    *ABOUT_YOU,
)
LINKAGE = (
    Section("what", N_("What it is"), (*WHAT, TAGS)),
    Section(
        "links",
        N_("What it links"),
        (
            Field(
                f"{ENTRY}/scene",
                N_("Scene"),
                hint=N_("Its owner’s code and reference: 91510106MA6RH83W82/SC-2026-002."),
            ),
            Field(f"{ENTRY}/product", N_("Product"), hint=N_("Its owner’s code and reference, written the same way.")),
            Field(
                f"{ENTRY}/stage",
                N_("Stage"),
                "radios",
                N_("From the demonstration on, evidence measured at the stage is needed."),
                tuple(Stage),
            ),
        ),
    ),
    Section("where", N_("Where"), (*WHERE, Pair(f"{ENTRY}/site", N_("Site")))),
    Section(
        "dates",
        N_("Dates"),
        (
            Field(f"{ENTRY}/starts", N_("Starts"), "date", width=10),
            Field(f"{ENTRY}/ends", N_("Ends"), "date", optional=True, width=10),
        ),
    ),
    Section(
        "asks",
        N_("What it asks of the scene"),
        (offers("asks", N_("Asks"), N_("Ask %(number)s"), N_("Add an ask")),),
        N_("Out of what the scene offers."),
    ),
    Section(
        "evidence",
        N_("Evidence"),
        (
            Group(
                f"{ENTRY}/evidence",
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
                        for part in DOCUMENT
                    ),
                ),
                most=10,
            ),
        ),
    ),
    ATTACHMENTS,
    *ABOUT_YOU,
)
FORMS: dict[str, tuple[Section, ...]] = {"scene": SCENE, "product": PRODUCT, "linkage": LINKAGE}
