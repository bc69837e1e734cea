"""Stages, one thin module each: a function `run` that reads tables, calls the package and writes tables."""
