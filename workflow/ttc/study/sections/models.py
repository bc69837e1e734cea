"""The models that propose solutions, and where published models come from."""

import re
from typing import Annotated, Literal

from ttc import plugins
from ttc.errors import InputError
from ttc.study.sections.base import (
    Count,
    Extended,
    Origin,
    Section,
    Share,
    Text,
    check_at_most,
    check_divides,
    key,
    whole,
)
from ttc.study.sections.judging import KINDS, Critique, Judge, check_judge
from ttc.study.sections.served import SAID_OF_JUDGES, Price, Served
from ttc.study.sections.thinking import MaybeThought
from ttc.study.sections.training import PolicyTraining

_HUB, _COMMIT = re.compile(r"[\w.-]+/[\w.-]+"), re.compile(r"[0-9a-f]{40}")
Width = whole(8)


class Model(Section):
    """Shape of the transformer."""

    layers: Count = key(2, "decoder layers")
    hidden: Width = key(48, "width")
    heads: Count = key(4, "attention heads; they divide the width")
    kv_heads: Count = key(2, "key and value heads; they divide the heads")
    intermediate: Width = key(192, "width of the feed-forward layer")
    window: Width = key(256, "longest sequence, in tokens, prompt and earlier answers included")

    def check(self, where: str) -> None:
        """InputError for heads that do not divide."""
        check_divides(self, where, "heads", "hidden")
        check_divides(self, where, "kv_heads", "heads")


class Checkpoint(Extended):
    """A published model."""

    LATER = ("price", "linear")

    hub: str | None = key(None, "OWNER/NAME on the Hugging Face hub; or `path`")
    revision: str | None = key(None, "its commit, 40 hexadecimal digits; `ttc pin` writes it")
    path: str | None = key(
        None, "a directory written by `save_pretrained`, or a .gguf file; relative to the project"
    )
    dtype: Literal["float32", "bfloat16", "float16"] = key("bfloat16", "what it computes in")
    attention: Literal["sdpa", "eager", "flash_attention_2"] = key(
        "sdpa", "implementation of attention; the transformers engine takes sdpa and eager"
    )
    linear: Literal["onednn"] | None = key(
        None,
        "the library of linear layers that compute float32 on a CPU: onednn takes less time and rounds otherwise; null "
        "is torch's own choice (docs/models.md)",
    )
    trust_remote_code: bool = key(
        False, "whether code beside the weights may run; none of the models in docs/models.md needs it"
    )
    parameters: Count | None = key(
        None, "how many it has, for `ttc plan` before it is fetched; not part of any key"
    )
    active_parameters: Count | None = key(
        None, "of a mixture of experts, through how many of them a token passes; null: all"
    )
    price: Price | None = None

    def check(self, where: str) -> None:
        """InputError unless one of `hub` and `path` says where the model is."""
        if (self.hub is None) == (self.path is None):
            both = "neither was given" if self.hub is None else "both were given"
            raise InputError(f"{where}: one of `hub` and `path` says where the model is, and {both}")
        if self.path is not None and self.revision is not None:
            raise InputError(
                f"{where}.revision: {self.revision} was given; a directory has none, leave it out"
            )
        if self.linear is not None and self.dtype != "float32":
            raise InputError(
                f"{where}.linear: {self.linear} was given and dtype is {self.dtype}; it is for float32, leave one of "
                "them out"
            )
        if self.hub is not None and not _HUB.fullmatch(self.hub):
            raise InputError(
                f"{where}.hub: '{self.hub}' was given; a model of the hub is OWNER/NAME, a directory is a `path`"
            )

    def check_pinned(self, where: str) -> None:
        """InputError for a model of the hub that no commit names."""
        if self.hub is not None and not is_commit(self.revision):
            given = f"{self.revision} was given" if self.revision else "none was given"
            raise InputError(
                f"{where}.revision: {given}, and branches move; `ttc pin STUDY.yaml` writes the commit "
                "that it is at today, where there is a connection"
            )


class VerifierCheckpoint(Checkpoint):
    """A published process reward model, or a judge."""

    LATER = ("price", "linear", "served")

    kind: Literal[*plugins.names(KINDS)] = key(
        ..., "how it is asked and read, by its publisher's format (docs/models.md)"
    )
    separator: Text | None = key(
        None, "text after each step, for kinds that leave it open; null is a line end"
    )
    judge: Judge | None = None
    served: Served | None = key(
        None,
        "a judge behind a server, in place of `hub` and `path` (docs/judges.md); beside them, a server of vLLM that "
        "has the layers of this checkpoint (docs/vllm.md)",
    )

    def check(self, where: str) -> None:
        """See `Checkpoint.check`; and InputError for a separator or words of a kind that has its own.

        Of a judge behind a server nothing is here, and whatever says something of what is here is refused.
        """
        if self.served is None or self.hosted:
            super().check(where)
        if self.hosted:
            self._check_hosted(where)
        elif self.served is not None:
            self._check_served(where)
        if self.separator is not None and not plugins.declaration(KINDS, self.kind)["separator"]:
            raise InputError(f"{where}.separator: kind {self.kind} has a separator of its own; leave it out")
        check_judge(where, self.kind, self.judge)

    def _check_served(self, where: str) -> None:
        if plugins.declaration(KINDS, self.kind)["words"] is None:
            raise InputError(
                f"{where}.served: kind {self.kind} has a head that is read here; give `hub` or `path`, too, or take a "
                "kind that is asked in words: judge, judge_critique"
            )
        for name in Checkpoint.model_fields:
            if (given := getattr(self, name)) != Checkpoint.model_fields[name].default:
                raise InputError(
                    f"{where}.{name}: {given} was given beside {where}.served, and nothing of a model behind a server "
                    "is here; leave one of the two out"
                )
        self.served.check(f"{where}.served", SAID_OF_JUDGES)

    def _check_hosted(self, where: str) -> None:
        if not plugins.declaration(KINDS, self.kind)["vllm"]:
            raise InputError(
                f"{where}.served: it was given beside a checkpoint, and of kind {self.kind} a server of vLLM computes "
                "no hidden states; leave `hub` and `path` out, and the server is asked in words"
            )
        for name in ("request", "parameters", "active_parameters", "price"):
            if getattr(self.served, name):
                raise InputError(
                    f"{where}.served.{name}: it was given, and a server that computes layers of a checkpoint is not "
                    "asked for answers; leave it out"
                )
        self.served.check(f"{where}.served")

    @property
    def hosted(self) -> bool:
        """Whether the checkpoint is here, and a server computes its layers."""
        return self.served is not None and (self.hub is not None or self.path is not None)

    @property
    def judging(self) -> Judge | None:
        """How a judge is asked; None of a kind that is asked as it was trained."""
        declared = plugins.declaration(KINDS, self.kind)
        if declared["words"] is None:
            return None
        judge = self.judge or Judge()
        critique = (judge.critique or Critique()) if declared["writes"] else None
        return judge.model_copy(update={"prompt": judge.prompt or declared["words"], "critique": critique})


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a commit, which stays what it is, and not a branch."""
    return bool(_COMMIT.fullmatch(revision or ""))


class Policy(Extended):
    """The model that proposes solutions."""

    LATER = ("thought",)

    checkpoint: Annotated[Checkpoint | None, Origin("published")] = key(
        None,
        "a published model, for studies with `problems` (docs/models.md); null trains one",
    )
    served: Annotated[Served | None, Origin("published")] = key(
        None, "a model behind a server, in place of `checkpoint` (docs/served.md)"
    )
    thought: Annotated[MaybeThought, Origin("published")] = key(
        None, "the marks of its thoughts, if it thinks before it answers, or `auto` (docs/thinking.md)"
    )
    model: Annotated[Model, Origin("generated")] = Model()
    training: Annotated[PolicyTraining, Origin("generated")] = PolicyTraining()
    first_group: Annotated[Share, Origin("generated")] = key(
        0.07, "share of the steps in which only solutions with the first group's operations are learnt"
    )
    solutions_first: Annotated[Share, Origin("generated")] = key(
        0.65, "share of the steps after which texts of several authors join the single solutions"
    )

    def check_generated(self, where: str) -> None:
        """InputError for what does not fit where the model is trained from scratch."""
        self.model.check(f"{where}.model")
        check_at_most(
            f"{where}.first_group", self.first_group, f"{where}.solutions_first", self.solutions_first
        )


class LargerPolicy(Policy):
    """The larger model that it is compared with at equal FLOPs."""

    model: Annotated[Model, Origin("generated")] = Model(hidden=192, intermediate=744)
    training: Annotated[PolicyTraining, Origin("generated")] = PolicyTraining(
        steps=1600, learning_rate=0.005, matrix_learning_rate=0.005
    )
