"""Follows the alerts topic and prints each alert."""
