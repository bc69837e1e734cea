"""Numbers of parameters from names and shapes: tied ones once, and of mixtures of experts those that a token passes.

FLOPs are counted with the latter.  Standard library only.
"""

import re
from collections.abc import Iterator, Mapping

from ttc.errors import InputError
from ttc.models.shapes import count

Shapes = Mapping[str, list[int]]

# What configurations of published mixtures call the number of experts of a layer, and of those that read a token
EXPERTS = (
    "num_local_experts",
    "num_experts",
    "n_routed_experts",
    "num_routed_experts",
    "moe_num_experts",
    "num_moe_experts",
)
CHOSEN = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "num_selected_experts",
    "moe_topk",
    "moe_top_k",
    "moe_k",
    "top_k_experts",
)
_LISTED = re.compile(r"(?P<layer>.*\.experts)\.(?P<expert>\d+)\.")
HEAD, EMBEDDING = "lm_head.weight", "embed_tokens.weight"


def total(shapes: Shapes, config: Mapping) -> int:
    """Parameters of a checkpoint that stores weights of these shapes.

    A head that is tied to the embedding counts once, where both are stored; rotary frequencies are none.
    """
    left = {name: shape for name, shape in shapes.items() if not name.endswith(".inv_freq")}
    tied = any(section.get("tie_word_embeddings") for section in _sections(config))
    heads = [name for name in left if name.split("language_model.")[-1] == HEAD]
    if tied and heads and any(name.endswith(EMBEDDING) for name in left):
        del left[heads[0]]
    return count(left)


def active(shapes: Shapes, config: Mapping, parameters: int) -> int:
    """Those of the `parameters` through which one token passes: all, but for the experts that do not read it.

    Experts are weights below `experts`, one by one or stacked, and stacks as long as the configuration has experts.
    InputError where it does not say how many of them read a token.
    """
    experts = _number(config, EXPERTS)
    routed = {name: shape for name, shape in shapes.items() if _is_routed(name, shape, experts)}
    if not routed or (experts or 2) <= 1:
        return parameters
    among = experts or _listed(routed)
    chosen = _number(config, CHOSEN)
    if not among or not chosen:
        raise InputError(
            f"it is a mixture of experts ({next(iter(routed))}), and its config.json does not say how many of them "
            f"read a token ({', '.join(CHOSEN[:2])}, ...), so that its FLOPs cannot be counted"
        )
    everywhere = count(routed)
    return parameters - everywhere + round(everywhere * min(chosen / among, 1))


def _is_routed(name: str, shape: list[int], experts: int | None) -> bool:
    if ".experts." in name:
        return len(shape) > 1 or _LISTED.match(name) is not None
    return len(shape) == 3 and bool(experts) and shape[0] == experts > 1


def _listed(routed: Shapes) -> int | None:
    """The most experts of a layer, where they are stored one by one; else the length of a stack."""
    layers: dict[str, set[str]] = {}
    for name in routed:
        if match := _LISTED.match(name):
            layers.setdefault(match["layer"], set()).add(match["expert"])
    stacks = [shape[0] for shape in routed.values() if len(shape) == 3]
    return max((len(each) for each in layers.values()), default=max(stacks, default=None))


def _number(config: Mapping, names: tuple[str, ...]) -> int | None:
    """The first of these keys that a configuration has, the largest where it is one for each layer."""
    for section in _sections(config):
        for name in names:
            value = section.get(name)
            if isinstance(value, list):
                value = max((each for each in value if isinstance(each, int)), default=None)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None


def _sections(config: Mapping) -> Iterator[Mapping]:
    """A configuration and those inside it, such as that of the text in a model that sees, too."""
    yield config
    for value in config.values():
        if isinstance(value, Mapping):
            yield from _sections(value)
