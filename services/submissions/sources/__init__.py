"""Sources: partners’ own addresses, fetched on their schedules and compared with what was fetched before."""
