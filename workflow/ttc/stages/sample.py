"""Stage `sample`: independent solutions of a block of problems by a block of sample indices."""

from pathlib import Path

from ttc.engines.open import open_engine, sampler
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
    (optional, see `ttc.problems.formats.open_form` and `ttc.engines.open`); confidence (optional): `top` and `window`;
    request (optional): further fields of requests to a server.
    """
    problems = select_problems(PROBLEMS.read(one(inputs, "problems")), spec["split"], spec["problems"])
    if problems.is_empty():  # a block of training problems that were left out
        SAMPLES.write(SAMPLES.empty(), output)
        return
    policy, draw, elsewhere = one(inputs, "policy"), Draw.of(spec, runtime), sampler(spec)
    with open_form(spec.get("form"), runtime.threads, runtime.cache) as form:
        if elsewhere is not None:
            frame = elsewhere(spec, policy, form, problems, draw, runtime)
        else:
            frame = sample(
                open_engine(spec, policy, form, runtime),
                form,
                problems,
                spec["samples"],
                draw,
                report=runtime.progress("solutions"),
                work=runtime.work,
            )
    SAMPLES.write(frame, output)
