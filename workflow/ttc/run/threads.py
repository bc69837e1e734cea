"""Threads of a process: parallelism comes from processes, so that two jobs never share a core."""


def thread_variables(threads: int) -> dict[str, str]:
    """The environment in which a process has exactly `threads` threads.

    Libraries read it when they are imported; Snakemake sets the first three for each job anyway.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
    return dict.fromkeys(names, str(threads)) | {
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
