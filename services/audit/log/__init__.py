"""The transparency log of all events: C2SP tlog-tiles, signed checkpoints, witnesses, timestamps, proofs."""
