"""The audit service: reads every history, writes to none, and says whether it gives the live state."""
