"""The demo: the whole stream in one process tree, shown live and reconciled at the end."""
