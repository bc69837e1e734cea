"""Pages of a finished study in a headless Chromium: accessibility by axe-core, errors, requests, and what is too wide.

python -m tools.check_pages results/default                          # report, gallery and solutions
python -m tools.check_pages results/default comparison/              # and the page of a comparison
python -m tools.check_pages results/default --screenshots pictures/  # writes what is seen, too

`make check-pages STUDY=results/default` gets axe-core by npm first.  Each page is looked at in two widths, in light and
in dark.  The exit status is 1 for a serious or critical violation (https://github.com/dequelabs/axe-core says what each
rule wants), an error of a script, a request to a server, or a page that is wider than its window; else 0.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tools import chromium

AXE = Path(".axe/node_modules/axe-core/axe.min.js")
WIDTHS = (1280, 390)
GRAVE = ("serious", "critical")
SHOWN = 3  # elements named for each violation
SLICE = 1600  # pixels of a page that are one picture
# Addresses of the problems of the page of solutions, and of the parts of the one that is shown
PROBLEMS = "study.problems.map(each => place(each))"
PARTS = "[...document.querySelectorAll('.samples a.item')].map(each => each.hash)"
# Milliseconds until a page had shown something and had loaded, as the browser itself counts them
FIRST_SCREEN = """Math.max(performance.getEntriesByType('navigation')[0].loadEventEnd,
    performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0)"""
LOOKED_AT = 20  # problems among which one with revisions and one with a search are sought


@dataclass
class Found:
    """What is wrong with the pages: sentences that fail the check, and those that do not."""

    failures: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    views: int = 0
    slowest: tuple[float, str] = (0.0, "")  # seconds to the first screen, and where


def files(given: Path) -> list[Path]:
    """The pages of a folder, of a study or a comparison, or the page itself.  ValueError where there is none."""
    if given.is_file():
        return [given]
    pages = [given / name for name in ("report.html", "gallery.html", "comparison.html")]
    pages += sorted(given.glob("solutions/**/index.html"))
    pages = [page for page in pages if page.is_file()]
    if not pages:
        raise ValueError(
            f"{given}: a folder of pages holds report.html, comparison.html or solutions/, and it does not"
        )
    return pages


def addresses(page: chromium.Page, file: Path) -> list[str]:
    """Addresses of what there is to see of a page: one, or of solutions the list, a problem, and its other parts."""
    address = file.resolve().as_uri()
    page.open(address)
    if not page.value("typeof study === 'object' && 'problems' in study"):
        return [address]
    found = page.value(PROBLEMS)[:1]
    wanted = ["/c0", "/search"]
    for problem in page.value(PROBLEMS)[:LOOKED_AT]:
        page.open(address + problem)
        page.until("document.querySelector('.problem')")
        parts = [problem + kind for kind in wanted if problem + kind in page.value(PARTS)]
        wanted = [kind for kind in wanted if problem + kind not in parts]
        found += parts
    return [address, *(address + each for each in found)]


def look(page: chromium.Page, address: str, width: int, dark: bool, axe: str, found: Found) -> None:
    """Note what is wrong with one page in one width and one preference for colours."""
    page.size(width)
    page.dark(dark)
    page.open(address)
    page.value("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")  # it is painted by then
    seconds = page.value(FIRST_SCREEN) / 1000
    page.value("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    where = f"{Path(address).parent.name}/{Path(address).name} at {width}{' dark' if dark else ''}"
    found.views += 1
    found.slowest = max(found.slowest, (seconds, where))
    page.value(axe + "; null")
    for each in json.loads(page.value("axe.run().then(found => JSON.stringify(found.violations))")):
        nodes = ", ".join(" ".join(node["target"][0:1]) for node in each["nodes"][:SHOWN])
        sentence = (
            f"{where}: {each['impact']}: {each['id']} ({each['help']}), {len(each['nodes'])} times: {nodes}"
        )
        (found.failures if each["impact"] in GRAVE else found.remarks).append(sentence)
    found.failures += [f"{where}: error: {each}" for each in page.errors]
    away = [each for each in page.requests if not each.startswith(("file:", "data:"))]
    found.failures += [f"{where}: it asks {each}" for each in away]
    wide = page.value("document.documentElement.scrollWidth")
    if wide > width:
        found.failures.append(f"{where}: it is {wide} pixels wide")


def shoot(page: chromium.Page, name: str, folder: Path) -> None:
    """Write the page that is open as pictures of `SLICE` pixels each."""
    folder.mkdir(parents=True, exist_ok=True)
    height = page.value("document.documentElement.scrollHeight")
    for number, top in enumerate(range(0, height, SLICE)):
        page.shoot(folder / f"{name}-{number:02}.png", top, min(SLICE, height - top))


def check(pages: list[Path], axe: str, screenshots: Path | None = None) -> Found:
    """What is wrong with the pages; `axe`: the source of axe-core."""
    found = Found()
    with tempfile.TemporaryDirectory() as profile:
        page = chromium.Page(chromium.found(), Path(profile))
        try:
            for number, file in enumerate(pages):
                for part, address in enumerate(addresses(page, file)):
                    for width, dark in product(WIDTHS, (False, True)):
                        look(page, address, width, dark, axe, found)
                        if screenshots:
                            name = f"{number}{file.stem}-{part}-{width}{'-dark' if dark else ''}"
                            shoot(page, name, screenshots)
        finally:
            page.close()
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print what is wrong; 0 if nothing fails, 1 if something does, 2 if the check cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_pages", description=__doc__.splitlines()[0])
    parser.add_argument(
        "places", type=Path, nargs="+", help="folders of studies or comparisons, or HTML files"
    )
    parser.add_argument("--axe", type=Path, default=AXE, help="the file of axe-core; default: %(default)s")
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER", help="write what is seen there, as PNG")
    given = parser.parse_args(arguments)
    try:
        pages = [page for place in given.places for page in files(place)]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if chromium.found() is None:
        print(f"Chromium is needed, as one of {', '.join(chromium.NAMES)} on the PATH", file=sys.stderr)
        return 2
    if not given.axe.is_file():
        print(f"{given.axe}: axe-core is needed; `make check-pages` gets it by npm", file=sys.stderr)
        return 2
    found = check(pages, given.axe.read_text(encoding="utf-8"), given.screenshots)
    print("\n".join([*found.failures, *found.remarks]))
    print(f"slowest first screen: {found.slowest[0]:.2f} s, {found.slowest[1]}")
    print(
        f"{found.views} views of {len(pages)} pages: {len(found.failures)} failures, {len(found.remarks)} remarks"
    )
    return int(bool(found.failures))


if __name__ == "__main__":
    sys.exit(main())
