"""The verifier of a model directory: one from scratch, or a published one that reads texts."""

from pathlib import Path

from ttc.engines.client import Server
from ttc.errors import InputError
from ttc.models.card import SERVED, read_card
from ttc.models.weights import weights_of
from ttc.runtime import Runtime
from ttc.verifiers.protocol import Verifier

KINDS = ("prm", "orm")
TOKENS_PER_ROW = 16  # of `batch_rows`, in one call of a published verifier: 1024 rows are 16384 tokens


def open_verifier(
    path: Path,
    reads: str | None,
    runtime: Runtime,
    *,
    engine: str = "transformers",
    whole: bool = False,
    beside: bool = False,
    judge: dict | None = None,
    request: dict | None = None,
    served: str | None = None,
) -> Verifier:
    """The verifier in a model directory; one from scratch has checked itself.

    reads: the format in which a published one reads texts (`ttc.verifiers.kinds`), None for one from scratch.  engine:
    `vllm` reads a published one through vLLM, `openai` through a server of it, where the layers are called `served`.
    whole: one from scratch reads whole solutions, and not step by step as it does in a search.  beside: another model
    shares the device.  judge: how a judge is asked, and of one behind a server request: further fields of each request.
    What the scores are taken for, a process (prm) or the outcome (orm), says the card's `kind`.  InputError for a
    directory without a card, with another format or kind, and what the verifier's own class refuses.
    """
    card = read_card(path)
    if card.get("format") != reads:
        known = f"names the format '{card['format']}'" if "format" in card else "names no format"
        wanted = "none" if reads is None else f"'{reads}'"
        raise InputError(f"{path}: its card {known}, and the specification {wanted}; it is another verifier")
    if card.get("kind") not in KINDS:
        raise InputError(
            f"{path}: its card says kind '{card.get('kind')}'; a verifier is one of {', '.join(KINDS)}"
        )
    place = f"{card['kind']}.checkpoint.{SERVED}"
    if (model := (card.get("checkpoint") or {}).get(SERVED)) is not None:
        if beside:
            raise InputError(
                f"model '{model}' is behind a server, which is asked for scores of tables; it neither leads a search "
                "nor answers live"
            )
        from ttc.verifiers.served import open_judge

        return open_judge(model, judge, request or {}, runtime, place)
    if reads is None:
        return _from_scratch(path, runtime, whole)
    from ttc.verifiers.load import load

    weights, separator = weights_of(path), card.get("checkpoint", {}).get("separator")
    verifier = load(
        reads,
        weights.folder,
        engine=engine,
        dtype=weights.dtype,
        device=runtime.device,
        attention=weights.attention,
        trust_remote_code=weights.trust_remote_code,
        linear=weights.linear,
        separator=separator,
        judge=judge,
        batch_tokens=TOKENS_PER_ROW * runtime.batch_rows,
        memory=runtime.verifier_memory,
        alone=not beside,
        **({"server": Server.of(served, runtime.servers, place), "model": served} if served else {}),
    )
    if served:
        runtime.told["verifier_server"] = verifier.network.described
    return verifier


def how(spec: dict) -> dict:
    """How a verifier is asked, by the specification of a stage: arguments of `open_verifier`."""
    engine = spec.get("engine", "transformers")
    return {"engine": engine} | {name: spec.get(name) for name in ("judge", "request", "served")}


def tell(verifier: object) -> None:
    """Print what a published verifier billed and computed; of others there is nothing to tell."""
    if (told := getattr(verifier, "told", None)) is not None:
        print(f"  {told()}", flush=True)


def _from_scratch(path: Path, runtime: Runtime, whole: bool) -> Verifier:
    from ttc.verifiers.incremental import IncrementalVerifier
    from ttc.verifiers.trained import TokenVerifier

    if whole:
        return TokenVerifier(path, runtime.batch_rows, runtime.device)
    verifier = IncrementalVerifier(path, runtime.batch_rows, runtime.device)
    verifier.self_check()
    return verifier
