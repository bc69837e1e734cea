"""What a cluster wants to be asked: slurm/site.yaml, as the resources of Snakemake's jobs."""

import functools
from dataclasses import dataclass
from pathlib import Path

from ttc.errors import InputError
from ttc.study.config import complete, load, load_schema

FILE = "slurm/site.yaml"
SCHEMA = Path(__file__).resolve().parents[2] / "schemas/site.schema.yaml"


@dataclass(frozen=True)
class Site:
    """The keys of slurm/site.yaml, which explains them."""

    partition: str | None = None
    gpu_partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    sbatch_options: str | None = None
    gpu_request: str = "gpus"
    gpu_type: str | None = None
    cpus_per_gpu: int | None = None
    extra_memory: int = 500
    light_stages: str = "here"
    setup: tuple[str, ...] = ()

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

        Snakemake takes braces for its own, so they are doubled.
        """
        strict = "set -euo pipefail; "  # what Snakemake has where no prefix is given
        lines = "; ".join(self.setup)
        return strict + (
            'if [ -n "${SLURM_JOB_ID:-}" ]; then LINES; fi; '.replace("LINES", lines)
            .replace("{", "{{")
            .replace("}", "}}")
            if lines
            else ""
        )


@functools.cache
def read_site(root: Path) -> Site:
    """The site of the project in `root`; the defaults where there is no file.  InputError for a mistake in it."""
    file = root / FILE
    if not file.is_file():
        return Site()
    try:
        given = complete(load(file), load_schema(SCHEMA), "the site")
    except InputError as error:
        raise InputError(f"{FILE}: {str(error).removeprefix(f'{file}: ')}") from None
    return Site(**given | {"setup": tuple(given["setup"])})
