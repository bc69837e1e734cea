"""Checks of a pool that somebody else sampled: what it is, and whether it is what it says.

Two findings stop a study: a pool that looks `scrambled` (`ttc.problems.filing`), and recorded verdicts that are
`contradicted` by ours in more than an allowed share.  Smaller oddities are sentences in the table `pool_checks`, which
the report begins with.  Everything here reads tables and writes none.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl

from ttc.errors import InputError
from ttc.grading.golds import accepted
from ttc.noise import generator
from ttc.problems import filing
from ttc.statistics.positions import compare_positions
from ttc.statistics.ranking import auc, auc_within

# Completions of one pool whose texts are looked at, and of one run or position where there are many
LOOKED_AT, LOOKED_AT_EACH = 4000, 50
# Share of completions that take up another question from which on a pool looks scrambled, and a run or a position of
# it; of true pools at most 0.6 % do
SCRAMBLED, PART_SCRAMBLED = 0.05, 0.25
FEWEST_QUESTIONS = 3
# Completions that show that texts are where they belong
FEWEST_TEXTS = 20
# Standard errors: own agreement that is above chance; strays that are not chance, without and with such an agreement
ABOVE, STRAYS_AT_CHANCE, STRAYS = 3.0, 2.5, 4.0
# Strays for each sample of a question, without and with an agreement above chance, and their share of right answers
FEW_STRAYS, MANY_STRAYS, STRAY_SHARE = 0.03, 0.1, 0.25
# A share may be exceeded by an accident or two
FEWEST_CONTRADICTED = 3
# Oddities: shares that are worth a sentence
ODD_TEXTS, ODD_VERDICTS, ODD_COPIES, ODD_ANSWERS, ODD_ENDS = 0.01, 0.01, 0.01, 0.2, 0.1
ODD_POSITIONS = 1e-4
# Characters of a text that is not repeated by chance
LONG = 100
# Characters of a run's name that a sentence shows
SHORT = 40
SAYS = {"scrambled": "it looks scrambled: ", "contradicted": "of its recorded verdicts "}


@dataclass(frozen=True)
class Checked:
    """A row of the table `pool_checks` without `stopped_by`, and sentences that stop a study, by their names."""

    row: dict
    stops: dict[str, str]


def check_pool(
    name: str, files: Sequence[Path], pool: pl.DataFrame, problems: pl.DataFrame, allowed: float
) -> Checked:
    """Look at a graded pool (`ttc.problems.pool_grading.grade`) of the questions in `problems`.

    `allowed` is the share of recorded verdicts that may differ from ours.  The result does not depend on the
    order of rows.
    """
    pool = pool.sort("problem_id", "sample_index")
    places = {problem_id: place for place, problem_id in enumerate(problems["problem_id"])}
    question = np.array([places[problem_id] for problem_id in pool["problem_id"]], dtype=int)
    seen = _Seen(pool, problems, question)
    counts = np.bincount(question)[np.unique(question)]
    row = {
        "pool": name,
        "files": ", ".join(dict.fromkeys(Path(path).name for path in files)),
        "runs": pool["run"].n_unique(),
        "questions": len(counts),
        "samples": len(pool),
        "fewest": int(counts.min()),
        "most": int(counts.max()),
        "correct": float(pool["correct"].mean()),
    }
    texts, answers, verdicts = _texts(seen), _answers(seen), _verdicts(seen, allowed)
    stops = {}
    if scrambled := _scrambled(texts, answers):
        stops["scrambled"] = scrambled
    if verdicts.stop:
        stops["contradicted"] = verdicts.stop
    found = [texts, answers, verdicts, _copies(seen), _ends(seen), _positions(seen), _scores(seen)]
    for each in found:
        row |= each.row
    row["oddities"] = [SAYS[name] + stops[name] for name in stops]
    row["oddities"] += [sentence for each in found for sentence in each.oddities]
    return Checked(row, stops)


def _scrambled(texts: "_Found", answers: "_Found") -> str | None:
    """The sentence about a scrambled pool, with the sign that says most first; None where there is no sign."""
    if texts.stop:
        own, permuted = answers.row["own_agreement"], answers.row["permuted_agreement"]
        return texts.stop if own is None else f"{texts.stop}, and {_agrees(own, permuted)}"
    if answers.stop and texts.row["texts_judged"] >= FEWEST_TEXTS:
        return f"{answers.stop}, though texts are about the questions that they are filed under: see the gold answers"
    return answers.stop


def refuse_stopped(checked: Iterable[Checked], accept: Iterable[str]) -> None:
    """Raise InputError where a check stops a pool and `accept` does not name it: what was seen, and which key helps."""
    accept = set(accept)
    stopped = [each for each in checked if set(each.stops) - accept]
    if not stopped:
        return
    first, *others = stopped
    sentences = [SAYS[name] + first.stops[name] for name in first.stops if name not in accept]
    also = "".join(f"; pool '{each.row['pool']}', too ({', '.join(each.stops)})" for each in others)
    named = accept.union(*(each.stops for each in stopped))
    key = ", ".join(name for name in SAYS if name in named)
    raise InputError(
        f"pool '{first.row['pool']}': {'; '.join(sentences)}{also}; if this is as it should be, "
        f"`source.accept: [{key}]` lets it pass"
    )


def check_table(checked: Iterable[Checked]) -> pl.DataFrame:
    """The table `pool_checks` of pools that were let pass."""
    rows = [each.row | {"stopped_by": ", ".join(each.stops)} for each in checked]
    return pl.DataFrame(rows, schema_overrides={"oddities": pl.List(pl.String)}, infer_schema_length=None)


@dataclass(frozen=True)
class _Found:
    """Columns of the row, oddities, and a sentence that stops a study."""

    row: dict
    oddities: Sequence[str] = ()
    stop: str | None = None


class _Seen:
    """The pool with what several checks need: `question` (samples,) places in `problems`, answers as keys."""

    def __init__(self, pool: pl.DataFrame, problems: pl.DataFrame, question: np.ndarray):
        self.pool, self.problems, self.question = pool, problems, question
        self.golds = [filing.keys(gold) for gold in problems["answer"]]
        self.graded = bool((problems["answer"] != "").any())
        self.answers = [None if answer is None else filing.key(answer) for answer in pool["stated"]]
        self.answered = np.array([answer is not None for answer in self.answers], dtype=bool)

    def name(self, index: int) -> str:
        """A sample, for a sentence."""
        row = self.pool.row(int(index), named=True)
        run = f" of run '{row['run']}'" if 0 < len(row["run"]) <= SHORT else ""
        return f"sample {row['sample']}{run} of '{row['problem_id']}'"


def _answers(seen: _Seen) -> _Found:
    """Answers against the gold answers of their own and of other questions, and against one another."""
    names = ("own_agreement", "permuted_agreement", "within_agreement", "across_agreement")
    row = dict.fromkeys((*names, "answers_elsewhere"))
    if not seen.graded or not seen.answered.any():
        return _Found(row)
    question = seen.question[seen.answered]
    answers = [answer for answer in seen.answers if answer is not None]
    agreed = filing.agreement(seen.golds, question, answers)
    row |= zip(names, (agreed.own, agreed.permuted, agreed.within, agreed.across), strict=True)
    number = np.bincount(seen.question, minlength=len(seen.golds))
    strays = filing.answers_elsewhere(seen.golds, question, number, answers)
    if strays is not None:
        row["answers_elsewhere"] = strays.share
    if agreed.own is None:
        return _Found(row)
    agrees, at_chance = _agrees(agreed.own, agreed.permuted), agreed.above < ABOVE
    if strays is not None:
        few = at_chance and strays.sigmas > STRAYS_AT_CHANCE and strays.strays >= FEW_STRAYS
        many = strays.sigmas > STRAYS and strays.strays >= MANY_STRAYS and strays.share >= STRAY_SHARE
        if few or many:
            stray = f"about {_percent(strays.share)} of right answers stand under other questions"
            return _Found(row, stop=f"{stray}, and {agrees}")
    repeats = filing.repeats(question, answers)
    if at_chance and repeats.scattered:
        alike = f"of equal answers {_percent(repeats.together)} of pairs are under one question, as if dealt at random"
        return _Found(row, stop=f"{alike}, and {agrees}")
    knows = f"{agrees}: the model knows nothing of these questions, or the answers are not theirs"
    return _Found(row, [knows] if at_chance else [])


def _agrees(own: float, permuted: float) -> str:
    return (
        f"{_percent(own)} of answers are written as their own gold answer, {_percent(permuted)} would be as another "
        "question's"
    )


def _texts(seen: _Seen) -> _Found:
    """Completions that take up another question than their own: of the pool, and of each run and position."""
    row = {"texts_judged": 0, "texts_elsewhere": 0}
    if "text" not in seen.pool.columns or len(seen.problems) < 2:
        return _Found(row)
    chosen = _looked_at(seen.pool)
    texts = seen.pool["text"].gather(chosen).to_list()
    questions = seen.problems["question"].to_list()
    judged = filing.judge_texts(questions, texts, seen.question[chosen])
    row = {"texts_judged": int(judged.judged.sum()), "texts_elsewhere": int(judged.elsewhere.sum())}
    if not row["texts_elsewhere"]:
        return _Found(row)
    first = int(np.flatnonzero(judged.elsewhere)[0])
    takes = (
        f"{row['texts_elsewhere']:,} of {row['texts_judged']:,} completions that show what they are about take up "
        f"another question than the one they are filed under (first {seen.name(chosen[first])}, which takes up "
        f"'{seen.problems['problem_id'][int(judged.other[first])]}')"
    )
    own = seen.question[chosen]
    parts = [("", np.ones(len(chosen), dtype=bool))]
    for column, what in (("run", "run"), ("sample_index", "sample number")):
        values = seen.pool[column].gather(chosen)
        if values.n_unique() > 1:
            parts += [(f"{what} {value}", (values == value).to_numpy()) for value in values.unique().sort()]
    for part, members in parts:
        strays = judged.elsewhere & members
        share = strays.sum() / max(1, (judged.judged & members).sum())
        if (
            share > (PART_SCRAMBLED if part else SCRAMBLED)
            and len(np.unique(own[strays])) >= FEWEST_QUESTIONS
        ):
            return _Found(row, stop=f"{takes}{part and f', {_percent(share)} of {part}'}")
    odd = row["texts_elsewhere"] > ODD_TEXTS * row["texts_judged"]
    return _Found(row, [takes] if odd else [])


def _looked_at(pool: pl.DataFrame) -> np.ndarray:
    """Indices of rows with texts, `LOOKED_AT` of them at most unless there are many runs: some of each run."""
    rows = np.flatnonzero((pool["text"].fill_null("") != "").to_numpy())
    rows = generator(0, "pool checks").permutation(rows)
    runs = pool["run"].gather(rows)
    each = max(LOOKED_AT_EACH, LOOKED_AT // max(1, runs.n_unique()))
    rank = pl.DataFrame({"run": runs}).select(pl.int_range(pl.len()).over("run")).to_series().to_numpy()
    return np.sort(rows[rank < each])


def _verdicts(seen: _Seen, allowed: float) -> _Found:
    """Verdicts that came with the pool, against ours."""
    row = {"recorded": 0, "contradicted": 0}
    if "recorded" not in seen.pool.columns or not (number := seen.pool["recorded"].count()):
        return _Found(row)
    ours = seen.pool["correct"]
    if seen.graded and (ours == seen.pool["recorded"]).all():
        # Verdicts taken over contradict nothing, but the exact rules may
        ours = pl.Series([_certain(*pair) for pair in _with_gold(seen)], dtype=pl.Boolean)
    differ = (ours != seen.pool["recorded"]).fill_null(False)
    row = {"recorded": number, "contradicted": int(differ.sum())}
    if not row["contradicted"]:
        return _Found(row)
    index = differ.arg_max()
    first = seen.pool.row(index, named=True)
    said = "correct" if first["recorded"] else "incorrect"
    share = row["contradicted"] / number
    sentence = (
        f"{row['contradicted']:,} of {number:,} ({_percent(share)}) differ from ours (first "
        f"{seen.name(index)}, recorded as {said}: its answer is {_shown(first['stated'])}, the gold answer "
        f"{_shown(' or '.join(accepted(seen.problems['answer'][int(seen.question[index])])))})"
    )
    if share > allowed and row["contradicted"] >= FEWEST_CONTRADICTED:
        return _Found(row, stop=f"{sentence}, and `source.contradicted` allows {_percent(allowed)}")
    return _Found(row, [f"of its recorded verdicts {sentence}"] if share > ODD_VERDICTS else [])


def _with_gold(seen: _Seen) -> Iterable[tuple]:
    return zip(seen.answers, (seen.golds[place] for place in seen.question), strict=True)


def _certain(answer: filing.Key | None, golds: Set[filing.Key]) -> bool | None:
    """What the exact rules alone say of an answer, None where they do not decide."""
    numbers = all(isinstance(each, Fraction) for each in (answer, *golds))
    return True if answer in golds else False if numbers else None


def _copies(seen: _Seen) -> _Found:
    """Texts that a question has more than once, and what differs where the text does not."""
    if "text" not in seen.pool.columns or not seen.pool["text"].count():
        return _Found({"copies": None, "copies_differ": ""})
    columns = ("run", "step_scores", "tokens", "logprob", "finish_reason", "stated", "recorded")
    present = [name for name in columns if name in seen.pool.columns]
    # Texts are told apart by their hash, of 64 bits, and their length: keys of a kilobyte would need a copy of the pool
    signs = (pl.col("text").hash().alias("hash"), pl.col("text").str.len_chars().alias("length"))
    groups = (
        seen.pool.drop_nulls("text")
        .select("problem_id", *signs, *present)
        .group_by("problem_id", "hash", "length")
        .agg(pl.len().alias("number"), *(pl.col(name).n_unique() for name in present))
    )
    copies = int((groups["number"] - 1).sum())
    differ = [name for name in present if (groups[name] > 1).any()]
    differ = ["answer" if name == "stated" else name for name in differ]
    row = {"copies": copies, "copies_differ": ", ".join(differ)}
    long = groups.filter(pl.col("length") >= LONG)
    exact = int((long["number"] - 1).sum())
    if exact <= ODD_COPIES * len(seen.pool):
        return _Found(row)
    others = f"they differ in {_and(differ)}" if differ else "nothing else of them differs"
    return _Found(
        row,
        [
            f"{exact:,} of {len(seen.pool):,} completions are exact copies of another one of their question; {others}"
        ],
    )


def _ends(seen: _Seen) -> _Found:
    """How completions ended, whether they have an answer, and whether their tokens are recorded."""
    pool, total = seen.pool, len(seen.pool)
    reasons = pool["finish_reason"] if "finish_reason" in pool.columns else pl.Series([], dtype=pl.String)
    known = int(reasons.is_in(["stop", "length"]).sum())
    cut_off = int((reasons == "length").sum()) if known else None
    absent = pool["tokens"].is_null() if "tokens" in pool.columns else pl.repeat(True, total, eager=True)
    missing, without = int(absent.sum()), len(set(seen.question) - set(seen.question[~absent.to_numpy()]))
    no_answer = int((~seen.answered).sum())
    oddities = []
    if seen.answered.any() and no_answer > ODD_ANSWERS * total:
        oddities.append(f"{no_answer:,} of {total:,} completions have no answer, which counts as wrong")
    if cut_off and cut_off > ODD_ENDS * total:
        oddities.append(f"{cut_off:,} of {total:,} completions were cut off by the token limit")
    if 0 < missing < total:
        none = f" and leave out the {without:,} questions that have none" if without else ""
        oddities.append(
            f"the tokens of {missing:,} of {total:,} samples are not recorded: token and FLOP figures rest on the "
            f"others{none}"
        )
    counts = np.bincount(seen.question)
    fewest, most = int(counts[counts > 0].min()), int(counts.max())
    if fewest < most:
        oddities.append(
            f"questions have from {fewest:,} to {most:,} samples: curves are over those that have as many as nearly "
            "all have, and say where they are over fewer"
        )
    return _Found(
        {
            "no_answer": no_answer,
            "cut_off": cut_off,
            "missing_tokens": missing,
            "questions_without_tokens": without,
        },
        oddities,
    )


def _positions(seen: _Seen) -> _Found:
    """Accuracy by position of the sample: independent samples are as good at any."""
    index = seen.pool["sample_index"].to_numpy()
    compared = compare_positions(seen.question, index, seen.pool["correct"].to_numpy())
    if compared is None:
        return _Found({"positions": 0} | dict.fromkeys(("position_low", "position_high", "position_p")))
    row = {
        "positions": len(compared.accuracy),
        "position_low": float(compared.accuracy.min()),
        "position_high": float(compared.accuracy.max()),
        "position_p": compared.p,
    }
    if compared.p >= ODD_POSITIONS:
        return _Found(row)
    low, high = int(compared.accuracy.argmin()), int(compared.accuracy.argmax())
    return _Found(
        row,
        [
            f"accuracy depends on the sample's position: {_percent(row['position_low'])} at sample {_at(seen, low)}, "
            f"{_percent(row['position_high'])} at sample {_at(seen, high)} (p = {compared.p:.0e}); samples are not "
            "exchangeable"
        ],
    )


def _at(seen: _Seen, index: int) -> str:
    """A position, with the run that all its samples are of."""
    runs = seen.pool.filter(sample_index=index)["run"].unique()
    return f"{index} (run '{runs[0]}')" if len(runs) == 1 and 0 < len(runs[0]) <= SHORT else str(index)


def _scores(seen: _Seen) -> _Found:
    """How well scores rank solutions: the last step's, which a scrambled column would lose."""
    if "step_scores" not in seen.pool.columns:
        return _Found({"auc": None, "auc_within": None})
    scores = seen.pool["step_scores"].list.last().to_numpy().astype(float)
    right = seen.pool["correct"].to_numpy().astype(float)
    row = {"auc": auc(scores, right), "auc_within": auc_within(scores, right, seen.question)}
    if row["auc"] is None or row["auc"] > 0.5:
        return _Found(row)
    return _Found(
        row,
        [
            f"scores do not tell right from wrong: a correct sample's is above an incorrect one's in "
            f"{_percent(row['auc'])} of pairs"
        ],
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _shown(answer: str | None) -> str:
    if answer is None:
        return "none"
    return f"'{answer}'" if len(answer) <= 60 else f"'{answer[:60]}…'"


def _and(parts: Iterable[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
