"""Machinery that runs jobs: command line, work folder, locks, GPUs, progress.  It is in no key, and changes nothing."""
