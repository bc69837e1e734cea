"""Exports of a finished study for collections of evaluations: a folder that appears all at once."""

import json
from pathlib import Path

from ttc.run.files import new_folder
from ttc.run.progress import Progress
from ttc.sharing import eval_ever, eval_results, layout
from ttc.sharing.evaluations import evaluations
from ttc.sharing.share import commit
from ttc.study.plan import Plan


def write(plan: Plan, out: Path, task: str | None) -> list[str]:
    """Write every evaluation below `out`, which is not there yet, or empty; a sentence about each once all are there.

    task: also write `.eval_results`, with this name of the task.  InputError, before anything is written, for what
    cannot be exported.
    """
    found = evaluations(plan)
    if task is not None:
        eval_results.check(found)
    code, told = commit(plan.root), []
    manifest = Path("results", plan.study, Path(layout.MANIFEST).name)
    made_with = json.loads(manifest.read_text(encoding="utf-8"))["made_with"]
    bootstrap = plan.configuration.allocation.bootstrap
    with new_folder(out) as temporary:
        for each in found:
            progress = Progress(f"blocks of {each.model.id}")
            done = eval_ever.write(each, plan.study, code, made_with, bootstrap, temporary, progress)
            told.append(
                f"{out}/{done.samples}: {done.rows:,} samples of {len(done.shares):,} questions,"
                f" pass@1 {done.accuracy:.4f}"
            )
            if task is not None and each.model.on_hub:
                way = "_greedy" if each.role == "larger_greedy" else ""
                name = f"models/{each.model.id}/.eval_results/{each.source.hub.replace('/', '_')}{way}.yaml"
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                text = eval_results.text(each, task, done.accuracy, len(done.shares), done.rows)
                (temporary / name).write_text(text, encoding="utf-8")
                told.append(f"{out}/{name}")
    return told
