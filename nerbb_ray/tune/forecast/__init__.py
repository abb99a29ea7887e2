"""What an experiment will cost, before it is paid for."""
