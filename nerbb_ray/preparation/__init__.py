"""What happens before any trial: data tokenised, models checked, trials sized for the computer."""
