"""The task: tagged sentences, where they come from, and how predictions are scored. Standard library and numpy."""
