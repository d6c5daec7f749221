"""The I/O that the services share: stream store, relay, consumer, parking, leases, replay, telemetry."""
