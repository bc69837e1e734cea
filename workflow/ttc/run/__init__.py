"""How a job runs: command line, work folder, locks, GPUs, progress.  In no key, because it changes no result."""
