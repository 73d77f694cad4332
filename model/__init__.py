"""How a fraud score is learned, judged, packed and served."""
