"""Licences of the models and problems of a study as far as they are known, and "not known" where they are not."""

import re

from ttc import plugins
from ttc.problems.sources import PRESETS
from ttc.study.plan import Plan
from ttc.study.sections.configuration import GENERATED, POOL

NOT_KNOWN = "not known"
HERE = "made here, of nobody else's"
# As the pages of the hub say; the first pattern that fits.  What has no entry is not known.
KNOWN = (
    (r"meta-llama/Llama-3\.2-.*", "llama3.2"),
    (r"meta-llama/Llama-3\.1-.*", "llama3.1"),
    (r"Qwen/Qwen3-[0-9.]+B(-Base)?", "apache-2.0"),
    (r"Qwen/Qwen2\.5-(0\.5|1\.5|7|14|32)B(-Instruct)?", "apache-2.0"),
    (r"openai/gsm8k", "mit"),
    (r"EleutherAI/hendrycks_math", "mit"),
)


def licence_of(hub: str) -> str:
    """The licence of something on the hub, or `NOT_KNOWN`."""
    return next((licence for pattern, licence in KNOWN if re.fullmatch(pattern, hub)), NOT_KNOWN)


def found(plan: Plan) -> list[dict]:
    """Of each model and source of problems: its role, name, revision (null without one) and licence."""
    configuration = plan.configuration
    if configuration.origin == GENERATED:
        return [
            {"role": role, "name": role, "revision": None, "licence": HERE} for role in ("problems", "models")
        ]
    rows = []
    if configuration.origin == POOL:
        for name, pool in sorted(configuration.source.pools.items()):
            rows.append(_row(f"pool {name}", pool.model or name, None, NOT_KNOWN))
        return [*rows, _row("problems", "of the pools", None, NOT_KNOWN)]
    for role, checkpoint in configuration.checkpoints.items():
        name = checkpoint.hub or "a local folder"
        rows.append(_row(role, name, checkpoint.revision, licence_of(checkpoint.hub or "")))
    for role, served in (configuration.served | configuration.asked_verifiers).items():
        rows.append(_row(role, served.model, None, NOT_KNOWN))
    for role in ("test", "train"):
        source = configuration.problems.source(role)
        if source is None:
            continue
        preset = plugins.declaration(PRESETS, source.preset)["source"] if source.preset else {}
        hub = None if source.path else source.hub or preset.get("hub")
        revision = source.revision or (None if source.hub else preset.get("revision"))
        rows.append(
            _row(f"{role} problems", hub or "a local file", revision if hub else None, licence_of(hub or ""))
        )
    return rows


def _row(role: str, name: str, revision: str | None, licence: str) -> dict:
    return {"role": role, "name": name, "revision": revision, "licence": licence}
