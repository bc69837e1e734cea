"""Whole solutions for people to read, chosen by rule: samples right and wrong, a chain of revisions, a search."""

from dataclasses import dataclass

import polars as pl

SEPARATORS = ("\n\n", "\n")
SHOWN_NODES = 40
SHOWN_REVISIONS = 6


@dataclass(frozen=True)
class Content:
    """Tables with texts; None is a table that the study lacks."""

    problems: pl.DataFrame
    samples: pl.DataFrame  # the texts of `solved_sometimes` suffice
    scores: pl.DataFrame | None = None
    chains: pl.DataFrame | None = None
    chain_scores: pl.DataFrame | None = None
    tree: pl.DataFrame | None = None
    candidates: pl.DataFrame | None = None
    origin: pl.DataFrame | None = None  # run and sample of the file, of samples of a pool

    def problem(self, problem_id: str) -> dict:
        """problem_id, question and gold answer."""
        row = self.problems.filter(problem_id=problem_id).row(0, named=True)
        return {"problem_id": problem_id, "question": row["question"], "gold": row["answer"]}

    def called(self, problem_id: str, sample_index: int) -> str:
        """What a sample is called: by its number here, or by run and number in the pool's file."""
        if self.origin is None:
            return f"sample {sample_index}"
        row = self.origin.filter(problem_id=problem_id, sample_index=sample_index).row(0, named=True)
        return f"sample {row['sample']}" + (f" of run {row['run']}" if row["run"] else "")


def steps(text: str, scores: list[float]) -> tuple[list[dict], str]:
    """Steps of a solution beside their scores; where they do not match in number, one step and the scores as a line."""
    for separator in SEPARATORS:
        parts = [part for part in text.split(separator) if part.strip()]
        if len(parts) == len(scores):
            return [
                {"text": part.strip("\n"), "score": float(s)} for part, s in zip(parts, scores, strict=True)
            ], ""
    return [{"text": text.strip("\n"), "score": None}], ", ".join(f"{score:.2f}" for score in scores)


def _solution(row: dict, scores: list[float], index: int, note: str = "") -> dict:
    parts, line = steps(row["text"] or "", scores)
    return {
        "index": index,
        "correct": row["correct"],
        "answer": row["answer"],
        "steps": parts,
        "scores": line,
        "note": note,
    }


def solved_sometimes(samples: pl.DataFrame, shown: int) -> list[tuple[str, float]]:
    """Ids and pass rates of at most `shown` problems solved sometimes, spread evenly over pass rate, easiest first."""
    rates = samples.group_by("problem_id").agg(rate=pl.col("correct").mean())
    mixed = rates.filter(pl.col("rate") > 0, pl.col("rate") < 1).sort(
        "rate", "problem_id", descending=[True, False]
    )
    count = min(shown, len(mixed))
    places = [round((index + 0.5) * len(mixed) / count - 0.5) for index in range(count)]
    return mixed[places].rows() if places else []


def solutions(content: Content, shown: int) -> list[dict]:
    """`shown` problems that were solved sometimes, spread evenly over pass rate, with a right and a wrong sample each.

    Of each problem the sample with the lowest index of each kind: nothing is picked by hand.
    """
    found = []
    for problem_id, rate in solved_sometimes(content.samples, shown):
        samples = content.samples.filter(problem_id=problem_id).sort("sample_index")
        if samples["text"].null_count():
            # A pool without texts has nothing to read
            continue
        picked = []
        for correct in (True, False):
            row = samples.filter(correct=correct).row(0, named=True)
            index = row["sample_index"]
            shown = _solution(row, _scores(content, problem_id, index), index)
            picked.append(shown | {"called": content.called(problem_id, index)})
        found.append(content.problem(problem_id) | {"rate": f"{100 * rate:.0f} %", "samples": picked})
    return found


def _scores(content: Content, problem_id: str, sample_index: int) -> list[float]:
    if content.scores is None:
        return []
    rows = content.scores.filter(problem_id=problem_id, sample_index=sample_index)
    return rows["step_scores"][0].to_list() if len(rows) else []


def revisions(content: Content, shown: int) -> list[dict]:
    """The first `shown` chains, by problem, that begin wrong and become right, each up to its first right answer."""
    if content.chains is None or content.chains.is_empty():
        return []
    chains = content.chains.sort("problem_id", "chain", "step")
    keys = ["problem_id", "chain"]
    turned = chains.group_by(keys, maintain_order=True).agg(
        first=pl.col("correct").first(), right=pl.col("correct").head(SHOWN_REVISIONS).any()
    )
    turned = turned.filter(~pl.col("first") & pl.col("right")).unique(
        "problem_id", keep="first", maintain_order=True
    )
    found = []
    for problem_id, chain in turned.select(keys).head(shown).iter_rows():
        rows = chains.filter(problem_id=problem_id, chain=chain).head(SHOWN_REVISIONS)
        picked = []
        for row in rows.iter_rows(named=True):
            parts = _solution(row, [], row["step"] + 1, _chain_score(content, problem_id, chain, row["step"]))
            picked.append(parts)
            if row["correct"]:
                break
        found.append(content.problem(problem_id) | {"steps": picked})
    return found


def _chain_score(content: Content, problem_id: str, chain: int, step: int) -> str:
    if content.chain_scores is None:
        return ""
    rows = content.chain_scores.filter(problem_id=problem_id, chain=chain, step=step)
    return f" · score {rows['score'][0]:.2f}" if len(rows) else ""


def search_tree(content: Content) -> dict | None:
    """The search of one problem, node by node in order of rounds: of the first problem that was searched and solved."""
    if content.tree is None or content.tree.is_empty() or content.candidates is None:
        return None
    solved = content.candidates.filter("correct").sort("problem_id")
    problem_id = (solved if len(solved) else content.candidates.sort("problem_id"))["problem_id"][0]
    nodes = content.tree.filter(problem_id=problem_id).sort("round", "node")
    beams = content.candidates.filter(problem_id=problem_id)
    note = f"{beams['generations'][0]:g} generations, {len(nodes)} steps sampled"
    note += f"; the first {SHOWN_NODES} are shown." if len(nodes) > SHOWN_NODES else "."
    columns = ("round", "text", "score", "kept")
    rows = nodes.head(SHOWN_NODES).select(columns).to_dicts()
    for row in rows:
        row["text"] = row["text"].strip("\n")
    return content.problem(problem_id) | {"nodes": rows, "note": note}
