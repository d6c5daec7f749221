"""What operators watch: how all services keep up, what waits and why, and what would help."""
