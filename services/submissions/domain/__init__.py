"""What the submissions service decides: on submissions, on partners and their keys, and on their sources."""

from submissions.domain.partner import PARTNERS
from submissions.domain.source import SOURCES
from submissions.domain.submission import SUBMISSIONS

DECIDERS = (SUBMISSIONS, PARTNERS, SOURCES)
