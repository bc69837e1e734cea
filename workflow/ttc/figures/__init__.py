"""Figures of a study and what they show."""
