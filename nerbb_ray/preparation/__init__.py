"""What happens before Ray starts: data tokenised, models checked, trials sized for the computer."""
