"""Mistakes of trained models that one can look at: which, how sure the models are, and whether gold may be wrong."""
