"""One thin command-line module per rule: read tables, call the package, write tables."""
