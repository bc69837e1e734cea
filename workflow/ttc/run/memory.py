"""The memory of a job: what is freed is kept for what comes next, and not given back to the system."""

import ctypes

# Parameters of `mallopt` in glibc's malloc.h, and what they are set to, in bytes.  As it is, a tensor of more than
# some hundred KiB is given back when it is freed, and the system has to clear pages for the next: a fifth of the time
# of a pass over many rows.  Larger ones than the threshold, the most that glibc allows, still come and go alone.
TRIM_THRESHOLD, KEPT = -1, 2**28
MMAP_THRESHOLD, LARGE = -3, 2**25


def keep_freed() -> bool:
    """Keep freed memory, up to `KEPT` bytes; False where the C library knows no such setting."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    return all(library.mallopt(*each) for each in ((TRIM_THRESHOLD, KEPT), (MMAP_THRESHOLD, LARGE)))
