"""What an experiment will cost, before it is paid for: time, memory, disk, money."""
