"""The deciders of all services: with their own `evolve` the audit folds their histories."""

import notifications.domain
import publishing.domain
import review.domain
import submissions.domain
from audit.fold import AnyDecider

DECIDERS: tuple[AnyDecider, ...] = (
    *submissions.domain.DECIDERS,
    *review.domain.DECIDERS,
    *publishing.domain.DECIDERS,
    *notifications.domain.DECIDERS,
)
