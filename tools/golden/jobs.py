"""Golden jobs, run one after another in one process, with the code that is on the path.

python -m tools.golden.jobs ORDER.json

ORDER.json: {"folder": where the golden artifacts lie, "jobs": [see `make`], "outputs": an empty folder, "results": a
file}.  Each job is run on the golden inputs, and a line of JSON for each is written to `results`: {"name", "seconds",
"content" of what the job wrote, or "error" in one sentence}.

Nothing of the package is imported before a job asks for it, so that a process which holds another copy of it can be
told to forget that first.
"""

import importlib
import json
import os
import shutil
import sys
import time
import traceback
from pathlib import Path


def run(job: dict, output: Path) -> None:
    """Run a job in this process; paths of its inputs are relative to the working directory."""
    from ttc.runtime import Runtime
    from ttc.store import manifest

    inputs = {role: [Path(path) for path in paths] for role, paths in job["inputs"].items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    runtime = Runtime(threads=1, device="cpu", destination=output, records=manifest)
    importlib.import_module(f"ttc.stages.{job['stage']}").run(job["spec"], inputs, output, runtime)


def replay(order: dict) -> None:
    """Run all jobs of an order, and write what came out of each."""
    from ttc.store.row_digests import contents

    outputs = Path(order["outputs"]).resolve()
    with Path(order["results"]).open("w") as results:
        os.chdir(order["folder"])
        for job in order["jobs"]:
            output = outputs / job["output"]
            started = time.monotonic()
            try:
                run(job, output)
                found = {"content": contents(output)}
            except Exception as error:
                traceback.print_exc()
                found = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
            found |= {"name": job["name"], "seconds": time.monotonic() - started}
            results.write(json.dumps(found) + "\n")
            results.flush()
            if output.is_dir():
                shutil.rmtree(output)
            else:
                output.unlink(missing_ok=True)


if __name__ == "__main__":
    for name in [each for each in sys.modules if each.split(".")[0] == "ttc"]:
        del sys.modules[name]
    replay(json.loads(Path(sys.argv[1]).read_text()))
