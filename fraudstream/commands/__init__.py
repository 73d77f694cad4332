"""One file a command: options in, a call of a room out. Heavy imports wait inside functions."""
