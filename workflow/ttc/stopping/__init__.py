"""Rules that decide when to stop sampling, and what they save, replayed on pools in random order."""
