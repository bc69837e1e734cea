"""Lets tests in every folder import helpers that lie beside this file."""
