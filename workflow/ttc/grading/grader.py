r"""Equality of answers: by exact rules first, then by Math-Verify in processes that can be killed.

Equality of a gold answer and an answer is decided by the first of these that applies:

1. `form`    their normal forms are the same string: equal.  Answers of thousands of characters are compared so only;
2. `number`  both are plain numbers (integer, decimal, fraction, mixed number, scientific notation) or expressions of
   whole numbers: compared as exact fractions, so .0000672 and 0.000067 differ, which Math-Verify, rounding to six
   decimals, calls equal;
3. `name`, `time`, `base`  they give numbers to different names, or one of them is a time of day that says am or pm, or
   a number in a base (`ttc.grading.labels`);
4. `math`    Math-Verify, gold first, because it is not symmetric for assignments, intervals and relations.  Where
   the values of the two at one fixed point differ by more than rounding explains (`ttc.grading.values`) it need not
   be asked.  An exception or a crash in any rule (`error`) and a comparison that uses up its CPU time (`timeout`) mean
   not equal; an answer that cannot be read, or outlived the comparison with gold, is compared with others by the exact
   rules only.

Where both name the same thing (`x = 1/2`, `x = 0.5`), or only one names it, the values are compared.  A gold answer may
be several, any of which is accepted (`ttc.grading.golds`).

Answers with one normal form share one decision.  The longest of their spellings is shown to Math-Verify: markup
(`15\text{ cm}` for `15cm`) tells it what is no mathematics.

Answers of one problem vote together when they are equal.  Pairwise equality need not be transitive, so the classes
are its transitive closure: connected components over the problem's distinct answers, with an edge where either
order of the two is called equal.  The gold answer never decides who is in a class.  A class is named by its shortest
member (the first by code points among those), and has one verdict: correct if the gold answer equals any member.

Each question is put to a worker once, whichever problem, thread or earlier run asks; which worker it is, and when,
changes nothing.  Only `timeout` depends on time, so it is counted and reported, and no cache remembers it.
"""

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ttc.errors import InputError, nearest
from ttc.grading.cache import Question, ReplyCache
from ttc.grading.choice import in_letters
from ttc.grading.golds import accepted
from ttc.grading.processes import Reply, Worker
from ttc.grading.readings import by_exact_rules, may_be_one, read, values_of_one_thing
from ttc.grading.values import (
    EQUATION,
    OPAQUE,
    SCALAR,
    TEXT,
    Meaning,
    of_number,
    pairs_to_ask,
    same_residual,
    solved_apart,
    told_apart,
    unlisted,
)
from ttc.grading.words import in_words

READINGS = {"text": read, "words": in_words, "choice": in_letters}
EQUALITIES = ("math_verify", *READINGS)


@dataclass(frozen=True)
class Verdict:
    """Whether an answer equals the gold answer, and the rule that decided."""

    equal: bool
    how: str


@dataclass(frozen=True)
class Graded:
    """One distinct answer to a problem: the name of its class, the class's verdict, and the answer's own verdict.

    late: some comparison of it, with the gold answer or with another, ran out of time and counted as not equal.
    """

    canonical: str
    correct: bool
    own: Verdict
    late: bool = False


class Grader:
    """Decides equality of answers; use it as a context manager, so that its worker processes end with it.

    `equality` is `math_verify` (all three rules), `text` (the exact rules only), `words` or `choice` (the first rule,
    on answers as `ttc.grading.words` and `ttc.grading.choice` read them); `timeout` bounds one comparison, in seconds
    of CPU time; `workers` is how many processes share the work; `cache` a folder in which replies of the workers are
    remembered across runs, or None.  Neither of the last two changes a result.

    `counts` says how many comparisons each rule decided; `questions` how many the workers were `asked`, how many
    replies were `remembered`, and how many questions ran `late`.  Raises InputError for an unknown `equality`.
    """

    def __init__(
        self,
        equality: str = "math_verify",
        timeout: float = 10.0,
        workers: int = 1,
        cache: Path | None = None,
    ):
        if equality not in EQUALITIES:
            raise InputError(
                f"grading: '{equality}' is not a kind of equality; allowed are {', '.join(EQUALITIES)}"
                f"{nearest(equality, EQUALITIES)}"
            )
        self.equality = equality
        self.read = READINGS.get(equality, read)
        self.timeout = timeout
        self.workers = max(1, workers)
        self.counts: Counter[str] = Counter()
        self.questions: Counter[str] = Counter()
        self._cache = ReplyCache(cache) if cache is not None and equality == "math_verify" else None
        self._decided: dict[tuple[str, str], Verdict] = {}
        self._replies: dict[Question, Future] = {}
        self._lock = threading.Lock()
        # As many as threads have asked at once
        self._idle: list[Worker] = []

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *_) -> None:
        for worker in self._idle:
            worker.close()
        if self._cache is not None:
            self._cache.write()

    def equal(self, gold: str | Sequence[str], answer: str) -> Verdict:
        """Whether the bare `answer` equals the bare `gold` answer, in that order; decided once for each pair.

        gold: one answer, or several of which any is accepted.
        """
        several = accepted(gold)
        if len(several) > 1:
            verdicts = [self.equal(each, answer) for each in several]
            return next((verdict for verdict in verdicts if verdict.equal), verdicts[0])
        pair = several[0], answer
        if pair not in self._decided:
            try:
                verdict = self._decide(*pair)
            except Exception:  # whatever a rule raises on this text: wrong, and counted
                verdict = Verdict(False, "error")
            with self._lock:
                if pair not in self._decided:
                    self._decided[pair] = verdict
                    self.counts[verdict.how] += 1
        return self._decided[pair]

    def equal_all(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bool]:
        """`equal` of each (gold, answer), on all workers."""
        pairs = sorted(set(pairs))
        with ThreadPoolExecutor(self.workers) as threads:
            verdicts = threads.map(lambda pair: self.equal(*pair), pairs)
            return {pair: verdict.equal for pair, verdict in zip(pairs, verdicts, strict=True)}

    def _decide(self, gold: str, answer: str) -> Verdict:
        one, other = self.read(gold), self.read(answer)
        if values := values_of_one_thing(one, other):
            return self._decide(*values)
        if decided := by_exact_rules(one, other):
            return Verdict(*decided)
        return Verdict(False, "form") if self.equality in READINGS else self._by_meaning(gold, answer)

    def _by_meaning(self, gold: str, answer: str) -> Verdict:
        meanings = self._meaning(gold), self._meaning(answer)
        for meaning in meanings:
            if not isinstance(meaning, Meaning):
                return Verdict(False, meaning)
        exact = [meaning.exact for meaning in meanings]
        if None not in exact:
            return Verdict(exact[0] == exact[1], "number")
        if told_apart(*meanings):
            return Verdict(False, "math")
        readings = read(gold), read(answer)
        if meanings[0].kind == meanings[1].kind == EQUATION and not same_residual(*meanings):
            replies = [self._ask("solutions", reading.plain) for reading in readings]
            for reply in replies:
                if failed := _failure(reply):
                    return Verdict(False, failed)
            if all(known for known, _ in (reply.result for reply in replies)):
                solutions = [values and unlisted(values) for _, values in (reply.result for reply in replies)]
                if solved_apart(*solutions):
                    return Verdict(False, "math")
        return _verdict(self._ask("compare", *(reading.plain for reading in readings)))

    def failures(self) -> list[str]:
        """Sentences for a log about comparisons that failed or ran out of time, and so count as not equal."""
        lines = []
        if count := self.counts["error"]:
            lines.append(f"{count:,} comparisons failed (verdict `error`); their answers count as wrong")
        if count := self.questions["late"]:
            lines.append(
                f"{count:,} questions ran out of {self.timeout:g} s of CPU time; their answers count as different"
            )
        return lines

    def equal_texts(self, gold: str, text: str) -> Verdict:
        """The same for two texts, in which Math-Verify finds the answers by its own rules (for comparison only)."""
        return _verdict(self._ask("texts", gold, text))

    def grade(self, gold: str | Sequence[str], answers: Iterable[str | None]) -> dict[str, Graded]:
        """Grade the distinct answers given to one problem; None (no answer) is left out, and is wrong.

        Decided once for each (gold, normal form), and for each pair of forms that needs it.  The result does not
        depend on the order or the number of the answers.
        """
        spellings = self._by_form(answer for answer in answers if answer is not None)
        shown = {form: _shown(members) for form, members in spellings.items()}
        own = {form: self.equal(gold, answer) for form, answer in shown.items()}
        late = {shown[form] for form, verdict in own.items() if verdict.how == "timeout"}
        gold_is_late = bool(late) and not all(
            isinstance(self._meaning(each), Meaning) for each in accepted(gold)
        )
        names, more = self._classes(spellings, () if gold_is_late else late)
        late |= more
        correct = dict.fromkeys(names.values(), False)
        for form, name in names.items():
            correct[name] |= own[form].equal
        return {
            answer: Graded(names[form], correct[names[form]], own[form], shown[form] in late)
            for form, members in spellings.items()
            for answer in members
        }

    def grade_all(self, problems: Sequence[tuple[str, Collection[str | None]]]) -> list[dict[str, Graded]]:
        """`grade` for each (gold, answers), on all workers; those with most answers first, so that all end together."""
        order = sorted(range(len(problems)), key=lambda index: -len(problems[index][1]))
        with ThreadPoolExecutor(self.workers) as threads:
            graded = threads.map(lambda index: self.grade(*problems[index]), order)
            found = dict(zip(order, graded, strict=True))
        return [found[index] for index in range(len(problems))]

    def classes(self, answers: Iterable[str]) -> dict[str, str]:
        """Map each distinct answer to the name of its class: the transitive closure of equality in either order."""
        spellings = self._by_form(answers)
        names, _ = self._classes(spellings)
        return {answer: names[form] for form, members in spellings.items() for answer in members}

    def _by_form(self, answers: Iterable[str]) -> dict[str, list[str]]:
        """The distinct answers by normal form, each list and the forms sorted shortest first."""
        spellings: dict[str, list[str]] = {}
        for answer in sorted(set(answers), key=_shortest_first):
            spellings.setdefault(self.read(answer).form, []).append(answer)
        return spellings

    def _classes(
        self, spellings: dict[str, list[str]], late: Collection[str] = ()
    ) -> tuple[dict[str, str], set[str]]:
        """The name of each form's class, and the answers shown that took part in a comparison that ran late.

        Answers in `late` are joined to others by the exact rules only, as are those that cannot be read.
        """
        forms = sorted(spellings, key=lambda form: _shortest_first(spellings[form][0]))
        shown = [_shown(spellings[form]) for form in forms]
        numbers = [self.read(answer).number for answer in shown]
        parent = list(range(len(forms)))

        def root(index: int) -> int:
            while parent[index] != index:
                index = parent[index]
            return index

        def join(first: int, second: int) -> None:
            # `forms` is sorted, so the lower root names the class
            low, high = sorted((root(first), root(second)))
            parent[high] = low

        first_with: dict[Fraction, int] = {}
        for index, number in enumerate(numbers):
            if number is not None:
                join(index, first_with.setdefault(number, index))
        ran_late = set()
        for first, second in self._pairs(shown, late):
            if root(first) == root(second) or not may_be_one(read(shown[first]), read(shown[second])):
                continue
            if None in (numbers[first], numbers[second]):
                verdicts = self._either_order(shown[first], shown[second])
                if any(verdict.equal for verdict in verdicts):
                    join(first, second)
                if any(verdict.how == "timeout" for verdict in verdicts):
                    ran_late.update((shown[first], shown[second]))
        return {form: spellings[forms[root(index)]][0] for index, form in enumerate(forms)}, ran_late

    def _pairs(self, shown: list[str], late: Collection[str]) -> Iterable[tuple[int, int]]:
        """Indices of the pairs of answers for which Math-Verify is needed, in order."""
        if self.equality in READINGS or all(read(answer).number is not None for answer in shown):
            return
        meanings = {
            index: meaning
            for index, answer in enumerate(shown)
            if answer not in late and isinstance(meaning := self._meaning(answer), Meaning)
        }
        places = list(meanings)
        for first, second in pairs_to_ask(list(meanings.values())):
            yield places[first], places[second]

    def _either_order(self, first: str, second: str) -> list[Verdict]:
        """The verdicts on a pair: one if it settles the matter, else those of both orders."""
        verdict = self.equal(first, second)
        symmetric = self._meaning(first).kind == self._meaning(second).kind == SCALAR
        if verdict.equal or symmetric:
            return [verdict]
        return [verdict, self.equal(second, first)]

    def _meaning(self, answer: str) -> Meaning | str:
        """What the answer means; `timeout` or `error` if it cannot be read."""
        reading = read(answer)
        if reading.number is not None:
            return of_number(reading.number)
        if reading.unread:
            return Meaning(TEXT, reading.form)
        if reading.labelled:
            return Meaning(OPAQUE)
        reply = self._ask("meaning", reading.plain)
        failed = _failure(reply)
        return failed or Meaning.from_json(reply.result)

    def _ask(self, *question: str) -> Reply:
        """The reply to a question, from this run, an earlier one, or a worker of this thread."""
        with self._lock:
            mine = question not in self._replies
            future = self._replies.setdefault(question, Future())
        if mine:
            try:
                future.set_result(self._find(question))
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()

    def _find(self, question: Question) -> Reply:
        if self._cache is not None and (reply := self._cache.get(question, self.timeout)):
            with self._lock:
                self.questions["remembered"] += 1
            return reply
        with self._lock:
            worker = self._idle.pop() if self._idle else Worker()
        try:
            reply = worker.ask(question, self.timeout)
        except BaseException:
            worker.close()  # it may still write a reply that nobody awaits
            raise
        with self._lock:
            self._idle.append(worker)
            self.questions["asked"] += 1
            self.questions["late"] += reply.ended == "timeout"
            if self._cache is not None:
                self._cache.put(question, reply, self.timeout)
        return reply


def _verdict(reply: Reply) -> Verdict:
    failed = _failure(reply)
    return Verdict(False, failed) if failed else Verdict(reply.result, "math")


def _failure(reply: Reply) -> str:
    """`timeout`, `error`, or nothing if the reply holds a result."""
    if reply.ended == "timeout":
        return "timeout"
    failed = reply.ended == "died" or (isinstance(reply.result, dict) and "error" in reply.result)
    return "error" if failed else ""


def _shown(spellings: list[str]) -> str:
    """The spelling that Math-Verify gets to see: the longest, which has most markup."""
    return spellings[-1]


def _shortest_first(answer: str) -> tuple[int, str]:
    return len(answer), answer
