"""Published verifiers: one module for each format."""
