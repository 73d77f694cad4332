"""The demo: the whole stream in one process tree, watched live, reconciled at the end."""
