"""The tables that stages exchange, declared by family and read and written by their declarations."""
