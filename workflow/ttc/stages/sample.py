"""Stage `sample`: independent solutions of a block of problems by a block of sample indices."""

from pathlib import Path

from ttc.engines.open import open_engine
from ttc.engines.sampling import Draw, sample, select_problems
from ttc.problems.formats import open_form
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS, SAMPLES

DECLARATION = {
    "group": "sampling",
    "purpose": "sample solutions from a policy",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 62,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, split, problems [start, stop), samples [start, stop), temperature, max_tokens; form and engine
    (optional, see `ttc.problems.formats.open_form` and `ttc.engines.open`); confidence (optional): `top` and `window`.
    """
    problems = select_problems(PROBLEMS.read(one(inputs, "problems")), spec["split"], spec["problems"])
    if problems.is_empty():  # a block of training problems that were left out
        SAMPLES.write(SAMPLES.empty(), output)
        return
    with open_form(spec.get("form"), runtime.threads, runtime.cache) as form:
        engine = open_engine(spec, one(inputs, "policy"), form, runtime)
        frame = sample(
            engine,
            form,
            problems,
            spec["samples"],
            Draw.of(spec, runtime),
            report=runtime.progress("solutions"),
            work=runtime.work,
        )
    SAMPLES.write(frame, output)
