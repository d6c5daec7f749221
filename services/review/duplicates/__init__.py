"""Near-duplicates: which of all submissions ever sent an entry resembles, how, and in which fields.

`texts` says what is compared, `sketches` makes what is searched by, `index` keeps and searches it in MongoDB, and
`likeness` compares in full the few that the search finds. Why it is done so: docs/decisions/0013.
"""
