"""Golden jobs, run one after another in one process, with the code that is on the path.

python -m tools.golden.jobs ORDER.json

ORDER.json: {"folder": where the golden artifacts lie, "jobs": some of its `golden.json`, "outputs": an empty folder,
"results": a file}.  Each job is run on the golden inputs, and a line of JSON for each is written to `results`: {"name",
"differs": how what it wrote differs from the golden artifact, in a few words, "" where it does not}.

Nothing of the package is imported before a job asks for it, so that a process which holds another copy of it can be
told to forget that first.
"""

import importlib
import json
import os
import shutil
import sys
import traceback
from pathlib import Path


def run(job: dict, output: Path) -> None:
    """Run a job in this process; paths of its inputs are relative to the working directory."""
    from ttc import plugins
    from ttc.run.job import check_plug_ins
    from ttc.runtime import Runtime
    from ttc.store import manifest

    inputs = {role: [Path(path) for path in paths] for role, paths in job["inputs"].items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    runtime = Runtime(threads=1, device="cpu", destination=output, records=manifest)
    stage = importlib.import_module(f"ttc.stages.{job['stage']}")
    plugins.loaded.clear()
    stage.run(job["spec"], inputs, output, runtime)
    check_plug_ins(job["stage"], job["spec"])


def replay(order: dict) -> None:
    """Run all jobs of an order, and write what came out of each."""
    from ttc.store.row_digests import contents

    outputs = Path(order["outputs"]).resolve()
    with Path(order["results"]).open("w", encoding="utf-8") as results:
        os.chdir(order["folder"])
        for job in order["jobs"]:
            output = outputs / job["output"]
            try:
                run(job, output)
                differs = difference(contents(Path(job["output"])), contents(output))
            except Exception as error:  # whatever the new code ends in is how it differs
                traceback.print_exc()
                differs = f"fails with {type(error).__name__}: {' '.join(str(error).split())}"
            results.write(json.dumps({"name": job["name"], "differs": differs}) + "\n")
            results.flush()
            if output.is_dir():
                shutil.rmtree(output)
            else:
                output.unlink(missing_ok=True)


def difference(golden: dict, now: dict) -> str:
    """How the content of two artifacts differs, as `ttc.store.row_digests.contents` gives it; "" if it does not."""
    for name in sorted(golden.keys() | now.keys()):
        what = name or "the table"
        if name not in golden or name not in now:
            return f"{'has' if name in now else 'lacks'} {what}"
        if golden[name]["rows"] != now[name]["rows"]:
            return f"{what} has {now[name]['rows']} rows instead of {golden[name]['rows']}"
        if golden[name] != now[name]:
            return f"{what} has other content"
    return ""


if __name__ == "__main__":
    for name in [each for each in sys.modules if each.split(".")[0] == "ttc"]:
        del sys.modules[name]
    replay(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
