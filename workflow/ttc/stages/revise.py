"""Stage `revise`: chains of revisions of a block of problems."""

from pathlib import Path

from ttc.engines.open import is_elsewhere, open_engine
from ttc.engines.sampling import Draw, select_problems
from ttc.problems.formats import open_form
from ttc.revision import served
from ttc.revision.chains import revise
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.generation import PROBLEMS
from ttc.tables.revisions import CHAINS

DECLARATION = {
    "group": "revisions",
    "purpose": "revise answers in chains",
    "gpu": True,
    "memory": 3000,
    "minutes": 240,
    "priority": 70,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: seed, split, problems [start, stop), lengths (of each chain), max_context, first_answer (policy or
    reviser), temperature, max_tokens; until_correct (optional): chains end with their first correct answer; form and
    engine (optional); request (optional): further fields of requests to a server.
    """
    problems = select_problems(PROBLEMS.read(one(inputs, "problems")), spec["split"], spec["problems"])
    with open_form(spec.get("form"), runtime.threads, runtime.cache) as form:
        if is_elsewhere(spec):
            reviser, draw = one(inputs, "reviser"), Draw.of(spec, runtime)
            CHAINS.write(served.revise(spec, reviser, form, problems, draw, runtime), output)
            return
        both = spec["first_answer"] == "policy"
        engine = open_engine(spec, one(inputs, "reviser"), form, runtime, engines=1 + both)
        first = engine
        if both:
            first = open_engine(spec, one(inputs, "policy"), form, runtime, engines=2)
        frame = revise(
            engine,
            first,
            form,
            problems,
            spec["lengths"],
            spec["max_context"],
            Draw.of(spec, runtime),
            until_correct=spec.get("until_correct", False),
            report=runtime.progress("revisions"),
            work=runtime.work,
        )
    CHAINS.write(frame, output)
