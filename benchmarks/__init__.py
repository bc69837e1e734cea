"""Benchmarks: what this project made fast, beside the way it is usually done, in one run (`make bench`)."""
