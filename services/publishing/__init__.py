"""publishing: the queue of approved entries, the monthly releases, and the public catalogue."""
