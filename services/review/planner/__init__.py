"""How many reviewers it takes to decide so much by a day: foretold by simulation, and scored against what happened."""
