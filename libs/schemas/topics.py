"""The topics, and how many partitions each starts with."""

SUBMISSIONS = "submissions.events"
REVIEW = "review.events"
PUBLISHING = "publishing.events"
NOTIFICATIONS = "notifications.events"

#: Before a partner's USCC: the topic to which its systems write entries, and the one on which they are answered.
INTAKE = "intake."
RECEIPTS = "receipts."
PARTNER_PARTITIONS = 3
#: The consumer group that reads all intake topics; each other group is called as its service is.
INTAKE_GROUP = "submissions-intake"

#: Every history. Kept for ever (`retention.ms=-1`), keyed by stream id.
HISTORIES = (SUBMISSIONS, REVIEW, PUBLISHING, NOTIFICATIONS)
PARTITIONS = 12
CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
