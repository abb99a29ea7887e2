"""Results in MLflow: written while trials run, also when the server is away, and read back."""
