"""Engines turn token prefixes into continuations; they know nothing about text, problems or search."""
