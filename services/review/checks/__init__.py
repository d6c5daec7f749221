"""What the machine notices about an entry before people read it, and where the case goes from there.

The rules are data: `rules.toml`, read by `ruleset`. What looks is code, a file a noun: `language`, `scene`, `product`,
`linkage`, `amounts`. `assess` puts them together.
"""

from review.checks.ruleset import CURRENT

#: The rules in force, by name.
RULES = CURRENT.rules
