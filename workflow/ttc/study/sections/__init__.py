"""The sections of a configuration, by subject: keys with their types, ranges, defaults, meanings and cross-checks."""
