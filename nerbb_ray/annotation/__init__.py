"""The next texts to annotate: which ones first, and what the models find in them, for annotation tools."""
