"""Studies that are handed over: archives of them, checks of these, and their adoption into another clone."""
