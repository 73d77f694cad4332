"""creditcard.csv: download, read, split by time, and its synthetic twin."""
