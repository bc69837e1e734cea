"""What Snell et al. 2024 claim, draw and leave open, held against a study."""
