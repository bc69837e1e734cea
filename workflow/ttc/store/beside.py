"""The place of the record beside an artifact.  Standard library only: the Snakefile imports this."""

from pathlib import Path


def sidecar_path(output: Path) -> Path:
    """The JSON beside an artifact that says what it is."""
    return output.with_name(f"{output.name}.json")
