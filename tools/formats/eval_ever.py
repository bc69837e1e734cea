"""Check of an export in the form of Every Eval Ever, by that format's own validator.

.venv-formats/bin/python -m tools.formats.eval_ever FOLDER

Prints JSON: of every file below FOLDER/data its kind, lines, errors and warnings, by the schemas and by the checks that
the format's collection makes of what is contributed to it.
"""

import argparse
import json
from pathlib import Path

from every_eval_ever.validator import format_error, format_warning, validate_file


class Files:
    """The files of a folder, as the validator asks for them: by paths from the folder on."""

    def __init__(self, root: Path):
        self.root = root

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (self.root / name).is_file()

    def read(self, name: str) -> str:
        """The text of a file."""
        return (self.root / name).read_text(encoding="utf-8")


def checked(folder: Path) -> dict:
    """What the validator says of each file."""
    files = Files(folder)
    found = {}
    for path in sorted(each for each in (folder / "data").rglob("*") if each.is_file()):
        name = path.relative_to(folder).as_posix()
        report = validate_file(
            path,
            repo_path=name,
            available_files=files,
            read_repo_file=files.read,
            run_semantic_checks=True,
        )
        found[name] = {
            "kind": report.file_type,
            "lines": report.line_count,
            "valid": report.valid,
            "errors": [format_error(each) for each in report.errors],
            "warnings": [format_warning(each) for each in report.warnings],
        }
    return found


def main() -> None:
    """Check one folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    print(json.dumps(checked(parser.parse_args().folder), indent=1))


if __name__ == "__main__":
    main()
