"""Entities in text of any length, by a fine-tuned model."""
