"""Whether two runs of a study agree: ttc compare STUDY OTHER_STUDY."""

from ttc.store.compare import main

__all__ = ["main"]
