"""RESULTS: what every trial reached, means and uncertainties of every run, and where they are kept."""
