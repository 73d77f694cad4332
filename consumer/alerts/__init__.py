"""Following the alerts topic and printing each alert."""
