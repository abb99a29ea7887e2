"""What every command of `nerbb` does."""
