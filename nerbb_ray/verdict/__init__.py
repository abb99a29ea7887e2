"""Statistics over seeds and sentences: which run is better, and how sure that is. Pure."""
