"""One file a format: how it is recognised and read."""
