"""The commands, one file each: parse options, call a package. Heavy imports are in functions."""
