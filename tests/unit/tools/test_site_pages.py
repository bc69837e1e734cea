"""The site: every document has a page, links work there as on the repository's host, and nothing is listed by hand."""

import os
import re
from pathlib import Path

import pytest

from tests.support.markdown import Document
from tools.site.__main__ import settings
from tools.site.pages import (
    CODE,
    LINK,
    ROOT,
    MissingFile,
    documents,
    navigation,
    place,
    rewritten,
    site,
    title,
)

MADE = site()


def leaves(navigation):
    """Pages of a navigation, in order."""
    for each in navigation:
        for value in each.values():
            yield from [value] if isinstance(value, str) else leaves(value)


def links(text):
    """Targets of links outside of code that are no addresses of the web."""
    targets = [target for _, target, _ in LINK.findall(CODE.sub("", text))]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def slugs(text):
    """Anchors of a page, as Python-Markdown makes them: unlike GitHub's, no two hyphens in a row."""
    headings = re.findall(
        r"^#+ (.+)$", CODE.sub(lambda code: code[0] if "\n" not in code[0] else "", text), re.MULTILINE
    )
    plain = [
        re.sub(r"[^\w\s-]", "", heading.encode("ascii", "ignore").decode()).strip().lower()
        for heading in headings
    ]
    return {re.sub(r"[-\s]+", "-", each) for each in plain}


def test_every_document_is_in_the_navigation_once():
    listed = list(leaves(navigation(MADE.pages)))
    assert sorted(listed) == sorted(place(file) for file in documents())
    assert listed[0] == "index.md" and len(listed) > 20


@pytest.mark.parametrize("name", MADE.pages)
def test_links_of_a_page_lead_to_pages_headings_and_pictures_of_the_site(name):
    for target in links(MADE.pages[name]):
        path, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
        assert there in MADE.pages or there in MADE.copies, target
        assert not anchor or anchor in slugs(MADE.pages[there]), target


def test_pages_say_what_documents_say_but_for_links():
    for file in documents():
        told = [LINK.sub(r"\1\3", text) for text in (file.read_text(), MADE.pages[place(file)])]
        assert told[0] == told[1]


def test_a_new_document_appears_by_itself_and_its_links_are_rewritten(tmp_path):
    (tmp_path / "docs/images").mkdir(parents=True)
    (tmp_path / "README.md").write_text("# Start\n\n[new](docs/new.md#part), [a file](a.yaml)\n")
    (tmp_path / "docs/new.md").write_text(
        "# New\n\n## Part\n\n[up](../README.md) ![p](images/p.png) `[no](link)`\n\n```md\n[no](link)\n```\n"
    )
    (tmp_path / "docs/images/p.png").write_bytes(b"")
    (tmp_path / "a.yaml").write_text("a: 1\n")
    made = site(tmp_path)
    assert made.pages["index.md"] == "# Start\n\n[new](new.md#part), [a file](files/a.yaml.md)\n"
    assert "[up](index.md) ![p](images/p.png) `[no](link)`" in made.pages["new.md"]
    assert made.pages["files/a.yaml.md"] == "# a.yaml\n\n```yaml\na: 1\n```\n"
    assert made.copies == {"images/p.png": tmp_path / "docs/images/p.png"}


@pytest.mark.parametrize("target", ["none.md", "../outside.md", "docs"])
def test_a_link_that_leads_nowhere_stops_the_site(tmp_path, target):
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    (tmp_path / "outside.md").write_text("# Outside\n")
    with pytest.raises(MissingFile, match="leads to no file"):
        rewritten(root / "README.md", f"[x]({target})", root)


def test_nothing_on_a_page_is_fetched_from_elsewhere():
    theme = settings(MADE.pages, "site")["theme"]
    assert theme["font"] is False and "repo_url" not in settings(MADE.pages, "site")
    pictures = [
        target
        for text in MADE.pages.values()
        for before, target, _ in LINK.findall(text)
        if before.startswith("!")
    ]
    assert not [target for target in pictures if re.match(r"[a-z]+:", target)]
    assert not [
        name
        for name, text in MADE.pages.items()
        if re.search(r"<(script|img|iframe|link)\b", CODE.sub("", text))
    ]


def test_generated_pages_are_references_and_the_others_are_not():
    parts = {
        part: list(leaves(found))
        for each in navigation(MADE.pages)
        for part, found in each.items()
        if part != "Start"
    }
    assert {"tables.md", "stages.md", "api.md", "configuration.md"} <= set(parts["References"])
    assert {"open.md", "keys.md"} <= set(parts["Guides"]) and "architecture.md" in parts["Project"]
    assert title(MADE.pages["keys.md"]) == Document(Path(ROOT / "docs/keys.md")).text.splitlines()[
        0
    ].removeprefix("# ")
