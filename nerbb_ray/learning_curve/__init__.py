"""How good an experiment's models get with more training data: scores at fractions of it, and what twice as much would
bring.
"""
