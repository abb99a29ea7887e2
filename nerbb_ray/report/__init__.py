"""One HTML page that says what came out of an experiment."""
