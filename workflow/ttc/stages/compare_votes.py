r"""Stage `compare_votes`: our votes on a pool beside those that somebody else published, with every difference.

The published votes take the first n completions of a run in `sample` order and break ties by the one seen first, so
ours are made the same way here; the study's own curves average over subsets and ties instead.
A vote agrees if the answer published equals the class we chose.  `how` says why it does or does not:

  form, number, math   agree, by this rule of `ttc.grading.grader`
  respelled            the published answer is ours with characters deleted by its cleaning, and equals no other class
  grouping             voting with string normal forms as groups gives the published answer
  no_answer            some of the completions state no answer; the reference guesses one for them
  unexplained          none of these
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ttc.errors import InputError, nearest
from ttc.grading.grader import Grader, read
from ttc.problems import pool_files
from ttc.problems.pool_grading import grader_for, with_answers
from ttc.problems.pool_thoughts import set_apart
from ttc.runtime import Inputs, Runtime, one
from ttc.tables.pools import REFERENCE_VOTES

DECLARATION = {
    "group": "pool",
    "purpose": "compare our votes with the reference votes of a pool",
    "memory": 4000,
    "minutes": 60,
    "published": {"": "tables/reference_votes.parquet"},
    "remembers": True,
}

RULES = ("majority", "best_of_n", "best_of_n_weighted")
VOTES = {
    "run": pl.String(),
    "question": pl.String(),
    "rule": pl.String(),
    "n": pl.Int64(),
    "answer": pl.String(),
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: problems, grading and pool as in the stage import_pool; question, the pool's column that the votes name
    questions by; columns of the votes (ours: theirs) and rules (theirs: ours).

    Inputs: problems, pool (one or more files), votes.  Writes a row for each published vote.
    """
    section, question = spec["problems"], spec["question"]
    problems = None
    if section is not None:
        # Not refused where a question stands with each completion: the import has looked at that
        problems = pool_files.read_problems(inputs.get("problems", []), **section, merge=True)
    pool = pool_files.read_pool(inputs.get("pool", []), spec["pool"], problems, keep=[question])
    if "step_scores" not in pool.columns:
        raise InputError("source.reference_votes.pool: votes by score need a column mapped to 'step_scores'")
    pool = set_apart(pool, spec["pool"].get("thought"))
    pool = with_answers(pool, spec["grading"]).with_columns(pl.col(question).cast(pl.String))
    votes = read_votes(one(inputs, "votes"), spec["columns"], spec["rules"])
    with grader_for(spec["grading"], runtime) as grader:
        compared = compare(pool, question, votes, grader)
    whole = compared.filter("all_answered")
    print(
        f"  {len(whole):,} of {len(compared):,} votes are on completions that all have an answer; of these "
        f"{whole['agree'].mean() or 0:.4f} agree"
    )
    for (how,), rows in whole.filter(~pl.col("agree")).group_by("how", maintain_order=True):
        print(f"  {len(rows):,} differ: {how}, first {rows.row(0, named=True)}")
    REFERENCE_VOTES.write(compared, output)


def read_votes(path: Path, columns: dict[str, str], rules: dict[str, str]) -> pl.DataFrame:
    """Published votes with columns run, question, rule (ours), n, answer; rules not in `rules` are refused."""
    for theirs, ours in rules.items():
        if ours not in RULES:
            raise InputError(
                f"source.reference_votes.rules: '{theirs}' is to be '{ours}'; allowed are {', '.join(RULES)}"
                f"{nearest(ours, RULES)}"
            )
    frame = pool_files.read_file(path)
    mapping = {name: name for name in VOTES} | columns
    for theirs in mapping.values():
        if theirs not in frame.columns:
            raise InputError(
                f"{path}: the column '{theirs}' is missing; the file has {', '.join(frame.columns)}"
                f"{nearest(theirs, frame.columns)}"
            )
    frame = frame.select(pl.col(mapping[name]).cast(dtype).alias(name) for name, dtype in VOTES.items())
    strange = set(frame["rule"]) - set(rules)
    if strange:
        raise InputError(f"{path}: the rule '{min(strange)}' is not named in source.reference_votes.rules")
    return frame.with_columns(pl.col("rule").replace_strict(rules))


def compare(pool: pl.DataFrame, question: str, votes: pl.DataFrame, grader: Grader) -> pl.DataFrame:
    """One row per published vote: run, problem_id, question, rule, n, ours, reference, all_answered, agree, how."""
    answers = defaultdict(set)
    for problem_id, answer in pool.select("problem_id", "answer").drop_nulls().iter_rows():
        answers[problem_id].add(answer)
    math = {problem_id: grader.classes(given) for problem_id, given in answers.items()}
    form = {problem_id: {answer: _form(answer) for answer in given} for problem_id, given in answers.items()}
    runs = {}
    for (run_name, name), rows in pool.group_by("run", question, maintain_order=True):
        scores = [scores[-1] for scores in rows["step_scores"].to_list()]
        runs[run_name, name] = (rows["problem_id"][0], rows["answer"].to_list(), scores)
    found = []
    for run_name, name, rule, n, reference in votes.select(*VOTES).iter_rows():
        if (run_name, name) not in runs:
            raise InputError(
                f"the votes name question '{name}' of run '{run_name}', which the pool does not have"
            )
        problem_id, given, scores = runs[run_name, name]
        if n > len(given):
            raise InputError(
                f"the votes are over {n} completions of question '{name}' of run '{run_name}', not {len(given)}"
            )
        given, scores = given[:n], scores[:n]
        classes = math.get(problem_id, {})
        ours = first_seen(rule, [classes.get(answer) for answer in given], scores)
        others = {answer for answer in classes if classes[answer] != ours}
        members = [answer for answer in classes if classes[answer] == ours]
        how = _same(members, reference or "", grader)
        agree = how is not None
        if not agree:
            strings = form.get(problem_id, {})
            by_form = first_seen(rule, [strings.get(answer) for answer in given], scores)
            how = _difference(members, others, by_form, reference or "")
            if how == "unexplained" and None in given:
                how = "no_answer"
        found.append((run_name, problem_id, name, rule, n, ours, reference, None not in given, agree, how))
    frame = pl.DataFrame(found, schema=REFERENCE_VOTES.dtypes, orient="row")
    return frame.sort("run", "problem_id", "rule", "n")


def first_seen(rule: str, groups: list[str | None], scores: list[float]) -> str | None:
    """The group that a selection rule chooses; ties go to the one seen first; None only if no group is stated.

    `groups` and `scores` (final-step scores) belong to the candidates in order.
    """
    stated = [(group, score) for group, score in zip(groups, scores, strict=True) if group is not None]
    if not stated:
        return None
    if rule == "best_of_n":
        # `max` keeps the first of equals, here and below
        return max(stated, key=lambda pair: pair[1])[0]
    weights: dict[str, float] = {}
    for group, score in stated:
        weights[group] = weights.get(group, 0) + (1 if rule == "majority" else score)
    return max(weights, key=weights.__getitem__)


def _form(answer: str) -> str:
    return read(answer).form


def _same(members: Iterable[str], reference: str, grader: Grader) -> str | None:
    """The rule by which a member equals the published answer, in either order; None if none does."""
    if reference in members or any(_form(member) == _form(reference) for member in members):
        return "form"
    for member in members:
        for pair in ((member, reference), (reference, member)):
            verdict = grader.equal(*pair)
            if verdict.equal:
                return verdict.how
    return None


def _difference(members: Iterable[str], others: Iterable[str], by_form: str | None, reference: str) -> str:
    if by_form == _form(reference):
        return "grouping"
    elsewhere = any(_form(other) == _form(reference) for other in others)
    if not elsewhere and any(_is_subsequence(reference, member) for member in members):
        return "respelled"
    return "unexplained"


def _is_subsequence(short: str, long: str) -> bool:
    """Whether deleting characters of `long` can give `short`; blanks and backslashes do not count."""
    remaining = iter(_letters(long))
    return bool(_letters(short)) and all(character in remaining for character in _letters(short))


def _letters(text: str) -> str:
    return "".join(character for character in text if not character.isspace() and character != "\\")
