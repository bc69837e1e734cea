"""Chains of revisions, in which an answer is written with up to the last four before it in view (paper §6.2)."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from ttc import noise
from ttc.engines.flow import Asked, Flow
from ttc.engines.protocol import Continuation, Engine
from ttc.engines.sampling import BATCHES, Counted, Draw, solutions_frame
from ttc.problems.formats import Form
from ttc.revision.kept import mend
from ttc.runtime import Report, Work, unreported

# Answers that are complete wait for others, to be graded and revised together: for this share of those in work.  To
# read a few prompts takes as long as some steps of all rows, for which short answers wait, and long ones do not.
TOGETHER, READ = 1 / 8, 20
Cell = tuple[int, int]  # row of a problem, and number of a chain


def revise(
    engine: Engine,
    first: Engine,
    form: Form,
    problems: pl.DataFrame,
    lengths: list[int],
    max_context: int,
    draw: Draw,
    *,
    until_correct: bool = False,
    report: Report = unreported,
    work: Work | None = None,
) -> pl.DataFrame:
    """The table of chains: chain c of every problem has `lengths[c]` answers, and advances at its own pace.

    With `until_correct` a chain ends with its first correct answer, which only training problems allow (ReST^EM).

    `first` writes the first answer of each chain, `engine` (the reviser) all others; they share a tokenizer.  About
    `draw.rows` answers are written at once.  `work` keeps answers once a minute, or whenever there are about
    `BATCHES` × `draw.rows` of them; those that it holds already are not written again.

    The context is what was answered before, right or wrong: the reviser is not told which.
    """
    work = work or Work()
    mend(work)
    chains = _Chains(form, problems, lengths, max_context, draw, until_correct)
    for block in work.blocks:
        chains.remember(block["chains"])
    progress = Counted(report, chains.written, len(problems) * sum(lengths))
    gathered: list[pl.DataFrame] = []
    for writer, begins in ((first, True), (engine, False)):
        flow = Flow(writer, draw.temperature, draw.max_tokens, draw.rows, progress.tell)
        asked = [cell for cell in chains.going() if begins is not chains.begun(cell)]
        for made in _written(flow, chains, writer.tokenizer, asked, follow=not begins):
            gathered.append(made)
            if work.due() or sum(map(len, gathered)) >= BATCHES * draw.rows:
                work.add(chains=pl.concat(gathered))
                gathered = []
    if gathered:
        work.add(chains=pl.concat(gathered))
    return work.table("chains")


class _Chains:
    """What the chains hold so far."""

    def __init__(
        self,
        form: Form,
        problems: pl.DataFrame,
        lengths: list[int],
        max_context: int,
        draw: Draw,
        until_correct: bool,
    ):
        self.form, self.lengths, self.max_context, self.until_correct = (
            form,
            lengths,
            max_context,
            until_correct,
        )
        self.names, self.golds = problems["problem_id"].to_list(), problems["answer"].to_list()
        self.questions = problems["question"].to_list()
        cells = [(row, chain) for row in range(len(problems)) for chain in range(len(lengths))]
        self.history: dict[Cell, list[str]] = {cell: [] for cell in cells}
        self.roots = {cell: noise.stream(draw.seed, "revise", self.names[cell[0]], cell[1]) for cell in cells}
        self.solved: set[Cell] = set()
        self.written = 0  # answers

    def remember(self, table: pl.DataFrame) -> None:
        """Take in answers, those of each chain in order."""
        rows = {name: row for row, name in enumerate(self.names)}
        for name, chain, text, correct in table.select("problem_id", "chain", "text", "correct").iter_rows():
            cell = rows[name], chain
            self.history[cell].append(text)
            self.written += 1
            if self.until_correct and correct:
                self.solved.add(cell)

    def begun(self, cell: Cell) -> bool:
        """Whether a chain has an answer."""
        return bool(self.history[cell])

    def going(self) -> list[Cell]:
        """Chains that have not ended."""
        return [cell for cell in self.history if self.goes_on(cell)]

    def goes_on(self, cell: Cell) -> bool:
        """Whether a chain has not ended."""
        return len(self.history[cell]) < self.lengths[cell[1]] and cell not in self.solved

    def asked(self, tokenizer, cells: list[Cell]) -> list[Asked]:
        """The prompts for the next answers of chains."""
        contexts = [self.history[cell][-self.max_context :] for cell in cells]
        prompts = self.form.prompts(tokenizer, [self.questions[row] for row, _ in cells], contexts)
        roots = np.array([self.roots[cell] for cell in cells], dtype=np.uint64)
        streams = noise.substreams(roots, [len(self.history[cell]) for cell in cells])
        return [
            Asked((cell, len(prompt)), prompt, stream)
            for cell, prompt, stream in zip(cells, prompts, streams[:, None], strict=True)
        ]

    def table(self, tokenizer, done: list[tuple[tuple[Cell, int], list[Continuation]]]) -> pl.DataFrame:
        """Answers as rows of the table of chains."""
        cells = [cell for (cell, _), _ in done]
        frame = solutions_frame(
            self.form, tokenizer, [made for _, [made] in done], [self.golds[row] for row, _ in cells]
        )
        return frame.with_columns(
            problem_id=pl.Series([self.names[row] for row, _ in cells], dtype=pl.String),
            chain=pl.Series([chain for _, chain in cells], dtype=pl.Int32),
            step=pl.Series([len(self.history[cell]) for cell in cells], dtype=pl.Int32),
            context_tokens=pl.Series([width for (_, width), _ in done], dtype=pl.Int32),
        )


def _written(
    flow: Flow, chains: _Chains, tokenizer, cells: list[Cell], follow: bool
) -> Iterator[pl.DataFrame]:
    """Answers of chains as they come; `follow`: each is followed by the next one of its chain."""
    together = max(TOGETHER, min(1 / 2, READ / flow.max_tokens))
    flow.put(chains.asked(tokenizer, cells))
    done: list[tuple[tuple[Cell, int], list[Continuation]]] = []
    while (more := flow.take()) or done:
        done += more
        if more and len(done) < together * (flow.growing + len(done)):
            continue
        made = chains.table(tokenizer, done)
        chains.remember(made)
        if follow:
            flow.put(chains.asked(tokenizer, [cell for (cell, _), _ in done if chains.goes_on(cell)]))
        done = []
        yield made
