"""Compute-optimal test-time compute: the package behind the Snakemake workflow."""
