"""notifications: tells subscribers, by email or webhook, of what the catalogue publishes."""
