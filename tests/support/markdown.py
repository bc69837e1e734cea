"""Markdown documents of the repository: their links, headings, code and the commands in it."""

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_WRITTEN = re.compile(r"^(<!-- [^>]*written by [^>]*-->\n).*?^\1", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text()

    @cached_property
    def prose(self) -> str:
        """Its text without blocks of code and without what tools write between two marks."""
        return _FENCE.sub("", _WRITTEN.sub("", self.text))

    @cached_property
    def spans(self) -> list[str]:
        """The pieces of inline code, one a time."""
        return list(dict.fromkeys(" ".join(span.split()) for span in _SPAN.findall(self.prose)))

    @cached_property
    def blocks(self) -> list[tuple[str, str]]:
        """(language, text) of the blocks of code."""
        return [(language, text) for _, language, text in _FENCE.findall(self.text)]

    @cached_property
    def links(self) -> list[str]:
        """Targets of links and images that are no addresses of the web."""
        targets = dict.fromkeys(_LINK.findall(_SPAN.sub("", self.prose)))
        return [target for target in targets if not re.match(r"[a-z]+:", target)]

    @cached_property
    def anchors(self) -> set[str]:
        """The headings, as links name them (GitHub's rule)."""
        found: set[str] = set()
        for heading in _HEADING.findall(self.prose):
            plain = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
            number, anchor = 0, plain
            while anchor in found:
                number, anchor = number + 1, f"{plain}-{number + 1}"
            found.add(anchor)
        return found

    @cached_property
    def commands(self) -> list[list[str]]:
        """Command lines in its code, in words, comments left out; several in a line are several."""
        lines = [span for span in self.spans if " " in span]
        for language, text in self.blocks:
            if language in ("sh", ""):
                lines += text.replace("\\\n", " ").splitlines()
        found = []
        for line in lines:
            try:
                words = shlex.split(line, comments=True)
            except ValueError:  # an apostrophe: not a command
                continue
            start = 0
            for place, word in enumerate([*words, "&&"]):
                if word in ("&&", ";", "|"):
                    found.append(words[start:place])
                    start = place + 1
        return [command for command in found if len(command) > 1]


def documents() -> list[Document]:
    """All Markdown files of the repository, results and environments left out."""
    folders = ("", "docs", "envs", "results", "tests", "tools", "studies", "benchmarks", ".github")
    files = [file for folder in folders for file in sorted((ROOT / folder).glob("*.md"))]
    return [Document(file) for file in [*files, *sorted((ROOT / "tests").glob("*/**/*.md"))]]
