"""What may happen to an entry of the catalogue and to a monthly release."""

from publishing.domain.entry import ENTRIES
from publishing.domain.release import RELEASES

DECIDERS = (ENTRIES, RELEASES)
__all__ = ["DECIDERS", "ENTRIES", "RELEASES"]
