"""The forms by which people write an entry: laid out by hand, kept as drafts, checked by intake's own rules."""
