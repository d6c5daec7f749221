"""The sample: partners and entries written by hand, and a seeded generator of as many more as asked."""
