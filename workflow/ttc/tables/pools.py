"""Tables of pools that somebody else sampled: what each is and what on it looks odd, and votes published with one."""

import polars as pl

from ttc.tables.columns import PROBLEM
from ttc.tables.schema import Column, Schema, count, share, text

POOL_CHECKS = Schema(
    "pool_checks",
    ("pool",),
    {
        "pool": text(meaning="name of the pool; `policy` is the one that the report is about"),
        "files": text(meaning="names of its files, with commas between them"),
        "runs": count(meaning="runs of the sampler; 1 where the pool does not name them", low=1),
        "questions": count(meaning="questions that it has samples of", low=1),
        "samples": count(meaning="samples of all questions together", low=1),
        "fewest": count(meaning="samples of the question that has the fewest", low=1),
        "most": count(meaning="samples of the question that has the most", low=1),
        "correct": share(meaning="share of the samples that are correct"),
        "no_answer": count(meaning="samples without an answer"),
        "cut_off": count(
            meaning="samples cut by the token limit; null where the pool does not say how they ended",
            nullable=True,
        ),
        "missing_tokens": count(
            meaning="samples whose tokens are not recorded; figures of tokens and FLOPs rest on the others"
        ),
        "questions_without_tokens": count(
            meaning="questions none of whose samples has tokens; figures of tokens and FLOPs leave them out"
        ),
        "recorded": count(meaning="samples with somebody else's verdict"),
        "contradicted": count(meaning="those of them that we judge otherwise"),
        "copies": count(
            meaning="samples whose text another sample of their question has, too; null where there are no texts",
            nullable=True,
        ),
        "copies_differ": text(
            meaning="columns in which samples of one text differ, with commas between them"
        ),
        "own_agreement": share(
            meaning="share of answers written as the gold answer of their question", nullable=True
        ),
        "permuted_agreement": share(
            meaning="the same with the gold answer of another question: what chance gives", nullable=True
        ),
        "within_agreement": share(
            meaning="share of pairs of answers to one question that are written alike", nullable=True
        ),
        "across_agreement": share(
            meaning="the same for pairs of answers to different questions: what chance gives", nullable=True
        ),
        "texts_judged": count(
            meaning="completions looked at that quote some question so much that it shows which"
        ),
        "texts_elsewhere": count(meaning="those of them that quote another question, and not their own"),
        "answers_elsewhere": share(
            meaning="estimated share of right answers that are filed under another question; null where the answers "
            "do not show it",
            nullable=True,
        ),
        "auc": share(
            meaning="chance that a correct sample's last score is above an incorrect one's", nullable=True
        ),
        "auc_within": share(meaning="the same for two samples of one question", nullable=True),
        "positions": count(meaning="positions in a run that were compared; 0 = none could be"),
        "position_low": share(meaning="share correct at the worst of them", nullable=True),
        "position_high": share(meaning="share correct at the best of them", nullable=True),
        "position_p": share(
            meaning="chance of differences so large between equal positions (Cochran's Q)", nullable=True
        ),
        "stopped_by": text(
            meaning="checks that it fails, with commas between them; `source.accept` named them all"
        ),
        "oddities": Column(pl.List(pl.String()), meaning="what looks odd, a sentence each; the worst first"),
    },
    meaning="what each pool is, and whether it is what it says",
)
REFERENCE_VOTES = Schema(
    "reference_votes",
    ("run", "problem_id", "rule", "n", "question"),
    {"run": text(meaning="run of the sampler, as the pool names it")}
    | PROBLEM
    | {
        "question": text(meaning="the question, as the published votes name it"),
        "rule": text(
            meaning="selection rule of the vote", allowed=("majority", "best_of_n", "best_of_n_weighted")
        ),
        "n": count(meaning="completions that vote, the first ones of the run", low=1),
        "ours": text(meaning="answer that we choose; null where no completion has one", nullable=True),
        "reference": text(meaning="answer that was published; null = none", nullable=True),
        "all_answered": Column(pl.Boolean(), meaning="every one of the completions has an answer"),
        "agree": Column(pl.Boolean(), meaning="the published answer equals the one that we choose"),
        "how": text(
            meaning="the rule of grading by which they are equal (`form`, `number`, `math`), or why they are not: "
            "`respelled`, `grouping`, `no_answer` or `unexplained`"
        ),
    },
    meaning="our votes on a pool beside those that somebody else published",
)
