"""What trials have reached: results of trials, means over seeds, and what makes two trials the same. Pure."""
