"""The topics, and how many partitions each starts with."""

SUBMISSIONS = "submissions.events"
REVIEW = "review.events"
PUBLISHING = "publishing.events"
NOTIFICATIONS = "notifications.events"

#: Every history. Kept for ever (`retention.ms=-1`), keyed by stream id.
HISTORIES = (SUBMISSIONS, REVIEW, PUBLISHING, NOTIFICATIONS)
PARTITIONS = 12
CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
