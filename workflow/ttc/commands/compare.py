"""Say whether two runs of a study gave the same results.

ttc compare results/default OTHER/results/default

One sentence for each difference (`ttc.store.compare`); the exit status is 1 if the results differ.
"""

import argparse
from pathlib import Path

from ttc.store.compare import circumstances, differences, read


def main(arguments: list[str]) -> int:
    """Print the sentences; 0 if the results are the same, 1 if not."""
    parser = argparse.ArgumentParser(prog="ttc compare", description=__doc__.splitlines()[0])
    for name in ("study", "other"):
        parser.add_argument(name, type=Path, help="folder of a finished study, or its manifest.json")
    given = parser.parse_args(arguments)
    first, second = read(given.study), read(given.other)
    different = differences(first, second)
    for sentence in circumstances(first, second) + different:
        print(sentence)
    if not different:
        tables, files = len(first["content"]), len(first["files"]) - 1
        print(f"The results are the same: {tables} tables and files of models, {files} files for people.")
    return int(bool(different))
