"""MongoDB's own sink connector on Kafka Connect, as one local process: what the review worker is measured beside."""
