"""Tools that measure and try the workflow as a whole; `make` calls them."""
