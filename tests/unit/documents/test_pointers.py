"""What documents point at is there: links, files, names in files, commands."""

import ast
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from tests.support.markdown import ROOT, Document, documents
from ttc.study.stages import STAGES

DOCUMENTS = documents()
ROOTS = (ROOT, ROOT / "workflow", ROOT / "workflow/ttc")
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|md|yaml|smk|lock|cff|toml)")
POINTER = re.compile(r"([\w./-]+\.py)::([A-Za-z_]\w*(?:\.\w+)?)")

# What a study, an environment or a reader writes; a path that begins so need not be there.
WRITTEN = (
    "results/",
    "tables/",
    "figures/",
    "notebooks/",
    "cache/",
    "logs/",
    "benchmarks/",
    ".venv",
    ".snakemake/",
)
WRITTEN += ("my_", "pins.txt", "store/", "config.resolved.yaml", "study.yaml", "archive.json", "ro-crate-")
EXTERNAL_MODULES = ("pytest", "pip", "venv")
OPTIONS_WITH_A_VALUE = (
    "--cores",
    "--configfile",
    "--profile",
    "--sdm",
    "--jobs",
    "--config",
    "--workflow-profile",
)


def every(items: Callable[[Document], Iterable], past: bool = False) -> list:
    """Parameters (document, item) over the items of all documents; those of the changelog only if `past`.

    The changelog may name what is no longer there.
    """
    return [
        pytest.param(
            document, item, id=f"{document.name}: {item if isinstance(item, str) else ' '.join(item)}"
        )
        for document in DOCUMENTS
        if past or document.name != "CHANGELOG.md"
        for item in items(document)
    ]


def found(path: str, document: Document) -> Path | None:
    """The file or folder that a document means; files of tests/unit may be named without their folder."""
    roots = (document.path.parent, *ROOTS)
    there = next((root / path for root in roots if (root / path).exists()), None)
    return there or (next((ROOT / "tests/unit").rglob(path), None) if path.startswith("test_") else None)


@cache
def defined(file: Path) -> frozenset[str]:
    """Names that a module defines at its top, and `Class.name` of what its classes define."""
    names: set[str] = set()

    def add(nodes: list[ast.stmt], prefix: str) -> None:
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(prefix + node.name)
            if isinstance(node, ast.ClassDef) and not prefix:
                add(node.body, f"{node.name}.")
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    add(ast.parse(file.read_text(encoding="utf-8")).body, "")
    return frozenset(names)


@cache
def made() -> frozenset[str]:
    """Targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def rules() -> frozenset[str]:
    """Targets of Snakemake: stages and rules."""
    sources = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    named = (re.findall(r"^ *rule (\w+):", file.read_text(), re.MULTILINE) for file in sources)
    return frozenset(STAGES).union(*named)


def mistake(command: list[str]) -> str | None:
    """What a command line names that is not there, or None."""
    program, *words = command
    if program == "ttc":
        there = (ROOT / f"workflow/ttc/commands/{words[0]}.py").exists() or words[0].startswith("-")
        return None if there or not words[0].islower() else f"ttc {words[0]}"
    if program == "make":
        missing = [word for word in words if re.fullmatch(r"[a-z-]+", word) and word not in made()]
        return f"make {missing[0]}" if missing else None
    if program == "snakemake":
        targets = [
            word
            for before, word in zip(["", *words], words, strict=False)
            if before not in OPTIONS_WITH_A_VALUE and re.fullmatch(r"[a-z_]+", word)
        ]
        missing = [target for target in targets if target not in rules()]
        return f"snakemake {missing[0]}" if missing else None
    if program.startswith("python") and words[0] == "-m":
        module = words[1].replace(".", "/")
        files = [root / f"{module}{suffix}" for root in ROOTS for suffix in (".py", "/__main__.py")]
        there = words[1] in EXTERNAL_MODULES or any(file.exists() for file in files)
        return None if there else f"python -m {words[1]}"
    return None


@pytest.mark.parametrize(("document", "link"), every(lambda document: document.links, past=True))
def test_every_link_leads_somewhere(document, link):
    path, _, anchor = link.partition("#")
    target = document.path.parent / path if path else document.path
    assert target.exists()
    assert not anchor or anchor in Document(target).anchors


def files(document: Document) -> list[str]:
    """Paths of this repository that a document names as code; `NAME.py` stands for any."""
    named = [span for span in document.spans if FILE.fullmatch(span)]
    ours = [path for path in named if path.endswith(".py") or not path.startswith(WRITTEN)]
    return [path for path in ours if not Path(path).stem.isupper()]


def pointers(document: Document) -> list[tuple[str, str]]:
    """(file, name) of what a document points at inside files; `FILE.py::NAME` stands for any."""
    found = [pointer for span in document.spans for pointer in POINTER.findall(span)]
    return [(file, name) for file, name in found if not Path(file).stem.isupper()]


@pytest.mark.parametrize(("document", "path"), every(files))
def test_every_file_that_is_named_exists(document, path):
    assert found(path, document)


@pytest.mark.parametrize(("document", "pointer"), every(pointers))
def test_every_name_that_is_pointed_at_is_defined_in_that_file(document, pointer):
    file, name = pointer
    path = found(file, document)
    assert path, f"{file} does not exist"
    assert name in defined(path)


@pytest.mark.parametrize(("document", "command"), every(lambda document: document.commands))
def test_every_command_exists(document, command):
    assert mistake(command) is None


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["ttc", "plot"], "ttc plot"),
        (["make", "tests"], "make tests"),
        (["snakemake", "--cores", "2", "samples"], "snakemake samples"),
        (["python", "-m", "ttc.draw"], "python -m ttc.draw"),
        (["ttc", "compare", "STUDY", "OTHER"], None),
        (["make", "study", "CONFIG=studies/quick.yaml"], None),
        (["snakemake", "--cores", "1", "plan", "--configfile", "my_study.yaml"], None),
    ],
)
def test_a_command_that_is_not_there_is_found_out(command, said):
    assert mistake(command) == said


def quotations() -> list:
    """(file, quoted code) of the blocks in ARCHITECTURE.md that are said to be from a file."""
    quoted = re.findall(
        r"From\s+`([\w/]+\.py)`:\n\n```python\n(.*?)```", Document(ROOT / "ARCHITECTURE.md").text, re.DOTALL
    )
    return [pytest.param(file, code, id=file) for file, code in quoted]


@pytest.mark.parametrize(("file", "code"), quotations())
def test_quoted_code_is_in_its_file(file, code):
    assert code in (ROOT / "workflow" / file).read_text()


def test_headings_are_named_as_links_name_them(tmp_path):
    file = tmp_path / "page.md"
    file.write_text("# A `ttc` page, in short\n\n## Twice\n\n## Twice\n\n```sh\n# no heading\n```\n")
    assert Document(file).anchors == {"a-ttc-page-in-short", "twice", "twice-1"}
