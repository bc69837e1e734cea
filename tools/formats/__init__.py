"""Checks of what studies are shared in, by the libraries of those formats; run by the Python of `make formats`."""
