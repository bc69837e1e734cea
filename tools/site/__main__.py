"""The sources of the site for MkDocs: python -m tools.site FOLDER; `make site` builds it."""

import argparse
import json
import shutil
from pathlib import Path

from tools.site.pages import ROOT, navigation, site


def settings(pages: dict[str, str], output: str) -> dict:
    """What mkdocs.yml holds.  Nothing on a page is fetched from elsewhere: no fonts, no icons, no statistics."""
    return {
        "site_name": "ttc",
        "site_description": "Compute-optimal test-time compute, as a reproducible workflow",
        "docs_dir": "pages",
        "site_dir": output,
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            "font": False,
            "features": ["navigation.sections", "navigation.top", "toc.follow", "content.code.copy"],
            "palette": {"scheme": "default", "primary": "indigo", "accent": "indigo"},
            "icon": {"logo": "material/chart-line"},
        },
        "extra": {"generator": False},
        "extra_css": ["site.css"],
        "plugins": ["search"],
        "markdown_extensions": [
            "tables",
            "attr_list",
            "pymdownx.superfences",
            {"pymdownx.highlight": {"anchor_linenums": False}},
            {"toc": {"permalink": True, "toc_depth": 3}},
        ],
        "validation": {"links": {"anchors": "warn", "not_found": "warn"}, "nav": {"not_found": "warn"}},
        "nav": navigation(pages),
    }


def main() -> None:
    """Write pages, pictures and mkdocs.yml into a folder, in place of what was there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the sources of the site")
    parser.add_argument("--output", default="site", help="for the site, seen from the folder")
    given = parser.parse_args()
    made = site()
    pages = given.folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    for name, text in made.pages.items():
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        (pages / name).write_text(text, encoding="utf-8")
    for name, file in made.copies.items():
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, pages / name)
    shutil.copyfile(Path(__file__).with_name("site.css"), pages / "site.css")
    # JSON is YAML, and needs no library
    text = json.dumps(settings(made.pages, given.output), indent=2, ensure_ascii=False)
    (given.folder / "mkdocs.yml").write_text(text + "\n", encoding="utf-8")
    print(f"{len(made.pages)} pages from {ROOT.name} are in {pages}")


if __name__ == "__main__":
    main()
