"""What to run: the experiment file as frozen, validated data. Standard library only."""
