"""Figures: each module draws one family of them and says what they show."""
