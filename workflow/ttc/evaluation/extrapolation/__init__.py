"""Extrapolation: what more samples than a study has would give, by pass@k and by a vote of the majority."""
