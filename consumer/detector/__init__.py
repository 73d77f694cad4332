"""The detector service: read a micro-batch, decode, score, decide, emit, commit."""
