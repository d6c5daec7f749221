"""What the submissions service decides: on submissions, and on partners and their keys."""

from submissions.domain.partner import PARTNERS
from submissions.domain.submission import SUBMISSIONS

DECIDERS = (SUBMISSIONS, PARTNERS)
