"""Stage `publish`: the folder of a study for people, results/<study>/, and a stamp that names its key.

python -m ttc.run publish --spec '{"configuration": {"study": {"name": "default"}, ...}}' \
    --artifacts results/store/... --output results/default/.complete-0123456789abcdef

The folders and files of `OWNED` are replaced as a whole; other files in results/<study>/ are left alone.
"""

import shutil
from pathlib import Path

import yaml

from ttc.digests import digest
from ttc.runtime import Inputs, Runtime

DECLARATION = {
    "group": "publication",
    "purpose": "lay out the study for people",
    "memory": 2000,
    "light": True,
    "records": True,
}

STAMP = ".complete-"
OWNED = (
    "tables",
    "figures",
    "notebooks",
    "solutions",
    "report.html",
    "gallery.html",
    "config.resolved.yaml",
    "manifest.json",
)


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Fill results/<study>/ and write the stamp `output`; stamps of other configurations are removed first.

    spec: configuration, as it is shown; published and per_pool, what the stages say of themselves.  The folder itself
    is no output of the rule: Snakemake would remove it, with what people have put there, before each run.
    """
    folder = (runtime.destination or output).parent
    folder.mkdir(parents=True, exist_ok=True)
    for stamp in folder.glob(f"{STAMP}*"):
        stamp.unlink()
    artifacts = [runtime.records.describe(path) for path in inputs["artifacts"]]
    view = folder / ".view.part"
    shutil.rmtree(view, ignore_errors=True)
    view.mkdir()
    # The report is about one policy; tables and figures of further pools lie one folder deeper.
    main = next(each["label"] for each in artifacts if each["stage"] == "report")
    for each in artifacts:
        for source, target in lay_out(each, main, spec["published"], spec["per_pool"]):
            (view / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, view / target)
    configuration = spec["configuration"]
    resolved = yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True, width=120)
    (view / "config.resolved.yaml").write_text(resolved, encoding="utf-8")
    (view / "manifest.json").write_text(
        runtime.records.manifest(configuration["study"]["name"], artifacts, view), encoding="utf-8"
    )
    for name in OWNED:
        _replace(view / name, folder / name)
    view.rmdir()
    output.write_text(f"{digest(folder / 'manifest.json')}  manifest.json\n", encoding="utf-8")
    print(f"  {len(artifacts)} artifacts; the study lies in {folder}", flush=True)


def lay_out(artifact: dict, main: str, published: dict[str, dict[str, str]], per_pool: list[str]):
    """Pairs of a file of an artifact and its place in the study's folder, by what the stages say of themselves."""
    path = Path(artifact["path"])
    for name, place in published.get(artifact["stage"], {}).items():
        place = Path(place.format(label=artifact["label"]))
        if artifact["stage"] in per_pool and artifact["label"] != main:
            place = Path(place.parts[0], artifact["label"], *place.parts[1:])
        if name == "*":
            files = sorted(file for file in path.rglob("[!.]*") if file.is_file())
            yield from ((file, place / file.relative_to(path)) for file in files)
        elif (file := path / name if name and path.name != name else path).is_file():
            yield file, place


def _replace(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if source.exists():
        source.rename(target)
