"""What the notifications service alone is told, beside what all services are."""

from runtime.settings import Settings as SharedSettings


class Settings(SharedSettings):
    # The waits between attempts are multiplied by it: below 1 only for trying things out.
    retry_scale: float = 1.0
