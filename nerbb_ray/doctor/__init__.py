"""What is wrong with a data set, before training is paid for."""
