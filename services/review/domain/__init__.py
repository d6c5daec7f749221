"""What may happen to a case, and to the roster of those who review them."""

from review.domain.acts import CASES, CaseCommand, Close, Open
from review.domain.case import Case
from review.domain.reviewer import REVIEWERS

DECIDERS = (CASES, REVIEWERS)
__all__ = ["CASES", "DECIDERS", "REVIEWERS", "Case", "CaseCommand", "Close", "Open"]
