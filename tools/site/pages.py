"""Pages of the site: the documents as they are, with links that lead to other pages.

A page lies in the site where `place` says. A link to another page becomes a link to it there, one to a picture a link
to its copy, and one to any other file a link to a page that shows this file.  Standard library only.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
PICTURES = (".png", ".svg")
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)(\))")
# Blocks of code, and pieces of it in a line, in which nothing is a link
CODE = re.compile(r"^( *)(`{3,})[^\n]*\n.*?^\1\2$|`[^`]+`", re.MULTILINE | re.DOTALL)
LANGUAGES = {".yaml": "yaml", ".yml": "yaml", ".py": "python", ".toml": "toml", ".cff": "yaml", ".sh": "sh"}


@dataclass
class Site:
    """Texts of pages and files to copy, by their place in the site."""

    pages: dict[str, str] = field(default_factory=dict)
    copies: dict[str, Path] = field(default_factory=dict)


class MissingFile(Exception):
    """A link that leads nowhere; the message says where it stands."""


def documents(root: Path = ROOT) -> list[Path]:
    """The documents that have a page of their own: those at the top of the repository and all of docs/."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]


def place(file: Path, root: Path = ROOT) -> str:
    """Where a file of the repository lies in the site: `index.md`, `keys.md`, `files/config.yaml.md`."""
    path = file.relative_to(root)
    if path == Path("README.md"):
        return "index.md"
    if path.suffix in PICTURES:
        return f"images/{path.name}"
    if path.suffix == ".md" and path.parent.as_posix() in (".", "docs"):
        return path.name.lower()
    return f"files/{path.as_posix()}" + ("" if path.suffix == ".md" else ".md")


def site(root: Path = ROOT) -> Site:
    """All pages: the documents, and whatever they link to.  Raises MissingFile for a link that leads nowhere."""
    made, waiting = Site(), documents(root)
    for file in waiting:  # grows on the way
        text = file.read_text(encoding="utf-8")
        if file.suffix != ".md":
            text = shown(file, text, root)
        else:
            text, linked = rewritten(file, text, root)
            for other in linked:
                if other.suffix in PICTURES:
                    made.copies[place(other, root)] = other
                elif other not in waiting:
                    waiting.append(other)
        if place(file, root) in made.pages:
            raise MissingFile(
                f"{file.relative_to(root)}: two documents would be the page {place(file, root)}"
            )
        made.pages[place(file, root)] = text
    return made


def rewritten(file: Path, text: str, root: Path = ROOT) -> tuple[str, list[Path]]:
    """A document with links as they are in the site, and the files that it links to."""
    linked: list[Path] = []
    own = PurePosixPath(place(file, root)).parent

    def link(match: re.Match) -> str:
        target, mark, anchor = match[2].partition("#")
        if not target or re.match(r"[a-z]+:", match[2]):
            return match[0]
        other = Path(os.path.normpath(file.parent / target))
        if not other.is_file() or not other.is_relative_to(root):
            raise MissingFile(
                f"{file.relative_to(root)}: the link to {match[2]} leads to no file of the repository"
            )
        linked.append(other)
        there = os.path.relpath(place(other, root), own)
        return f"{match[1]}{there}{mark}{anchor}{match[3]}"

    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [LINK.sub(link, text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, LINK.sub(link, text[end:])]), list(dict.fromkeys(linked))


def shown(file: Path, text: str, root: Path = ROOT) -> str:
    """A page that shows a file of the repository."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"# {file.relative_to(root)}\n\n{fence}{LANGUAGES.get(file.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def title(text: str) -> str:
    """The first heading of a page."""
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1].replace("`", "")


def navigation(pages: dict[str, str]) -> list[dict]:
    """The navigation of MkDocs: the start, guides, references that `make docs` writes, and documents of the project.

    A page is where it belongs by what it is, so that a new one appears by itself; in each part pages are by title.
    """
    parts: dict[str, list[dict]] = {"Guides": [], "References": [], "Project": []}
    top = {place(file) for file in ROOT.glob("*.md")}
    for name, text in sorted(pages.items(), key=lambda each: title(each[1]).lower()):
        if name.startswith("files/") or name == "index.md":
            continue
        written = re.search(r"^Written by `make docs`", text, re.MULTILINE)
        part = "Project" if name in top else "References" if written else "Guides"
        parts[part].append({title(text): name})
    return [{"Start": "index.md"}, *({part: found} for part, found in parts.items())]
