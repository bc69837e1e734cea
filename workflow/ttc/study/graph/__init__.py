"""The artifacts of a study, by subject."""
