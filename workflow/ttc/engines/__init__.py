"""Engines, which turn token prefixes into continuations and know nothing about text, problems or search."""
