"""What this machine can do, and what the services make of it: `python -m tests.bench [PART]`."""
