"""What the notifications service decides: subscriptions and deliveries."""

from notifications.domain.delivery import DELIVERIES
from notifications.domain.subscription import SUBSCRIPTIONS

DECIDERS = (SUBSCRIPTIONS, DELIVERIES)
