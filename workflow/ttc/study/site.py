"""The site: slurm/site.yaml, as the resources of Snakemake's jobs."""

import functools
from pathlib import Path
from typing import Literal

from ttc.errors import InputError
from ttc.study.config import load, read
from ttc.study.sections.base import Count, Natural, Section, Text, key

FILE = "slurm/site.yaml"


class Site(Section):
    """The keys of slurm/site.yaml, which explains them."""

    partition: Text | None = None
    gpu_partition: Text | None = None
    account: Text | None = None
    qos: Text | None = None
    constraint: Text | None = None
    sbatch_options: str | None = None
    gpu_request: Literal["gpus", "gres"] = "gpus"
    gpu_type: Text | None = None
    cpus_per_gpu: Count | None = None
    extra_memory: Natural = 500
    light_stages: Literal["here", "submit"] = "here"
    setup: list[str] = key([])

    def resources(self, gpus: int) -> dict[str, object]:
        """The resources by which Snakemake's Slurm plugin knows the partition, the account and the GPUs of a job."""
        asked = {
            "slurm_partition": (gpus and self.gpu_partition) or self.partition,
            "slurm_account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "slurm_extra": self.sbatch_options,
        }
        if gpus:
            asked |= self._gpus(gpus) | {"cpus_per_gpu": self.cpus_per_gpu}
        return {name: value for name, value in asked.items() if value is not None}

    def _gpus(self, count: int) -> dict[str, object]:
        if self.gpu_request == "gres":
            return {"gres": ":".join(["gpu", *([self.gpu_type] if self.gpu_type else []), str(count)])}
        return {"gpu": count, "gpu_model": self.gpu_type}

    @property
    def shell_prefix(self) -> str:
        """What stands before the command of every job: `setup`, in an allocation of Slurm's.

        Each line stands on one of its own, with its comments and semicolons.  Scripts of clusters name variables that
        are not set, so that is no error meanwhile.  `TTC_BIN` is where the interpreter lay before.  Snakemake takes
        braces for its own, so they are doubled.
        """
        strict = "set -euo pipefail; "  # what Snakemake has where no prefix is given
        if not self.setup:
            return strict
        lines = [
            'TTC_BIN=$(dirname "$(command -v python || true)")',
            'if [ -n "${SLURM_JOB_ID:-}" ]; then set +u',
            *self.setup,
            f":\nfi; {strict}",
        ]
        return strict + "\n".join(lines).replace("{", "{{").replace("}", "}}")

    @property
    def found_path(self) -> str:
        """PATH as an assignment, with the interpreter first that was there before `setup`."""
        return 'PATH="$TTC_BIN:$PATH"' if self.setup else 'PATH="$PATH"'


@functools.cache
def read_site(root: Path) -> Site:
    """The site of the project in `root`; the defaults where there is no file.  InputError for a mistake in it."""
    file = root / FILE
    if not file.is_file():
        return Site()
    try:
        return read(load(file), Site, "the site")
    except InputError as error:
        raise InputError(f"{FILE}: {str(error).removeprefix(f'{file}: ')}") from None
