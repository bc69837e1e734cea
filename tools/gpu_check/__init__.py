"""A check of all that uses a GPU, for a machine that has one; see `tools.gpu_check.__main__`."""
