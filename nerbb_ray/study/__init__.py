"""A study: several experiments as one table, approaches against fractions of the training data."""
