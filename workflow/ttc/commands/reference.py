"""Print the reference of the configuration, or write it, config.yaml and what else repeats the schema."""

import argparse

from ttc.study.build import ROOT
from ttc.study.reference import files, markdown


def main(arguments: list[str]) -> None:
    """Print or write the reference."""
    parser = argparse.ArgumentParser(prog="ttc reference", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the files (`make docs`)")
    if not parser.parse_args(arguments).write:
        print(markdown(), end="")
        return
    for file, text in files().items():
        file.write_text(text, encoding="utf-8")
        print(f"wrote {file.relative_to(ROOT)}")
