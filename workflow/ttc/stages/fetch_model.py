"""Stage `fetch_model`: a published checkpoint, fetched where there is a connection, checked and described.

The weights stay where they are, in the hub's cache or in a directory of the user's; the output is a card and a link.
Every later stage loads from that link, so that a compute node needs no connection.
"""

from pathlib import Path

from ttc.errors import InputError
from ttc.models.card import ACTIVE, write_card
from ttc.models.fetch import describe, fetch
from ttc.models.tokenizers import load_tokenizer
from ttc.models.weights import LINK, OPTIONS
from ttc.problems.stops import any_line_end
from ttc.runtime import Inputs, Runtime, one

DECLARATION = {
    "group": "models",
    "purpose": "fetch and check a published model",
    "suffix": "",
    "minutes": 600,
    "priority": 100,
    "light": True,
}


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """spec: role (policy, prm), hub and revision (or the input `checkpoint`, a directory), dtype, attention,
    trust_remote_code; of a verifier format (`ttc.verifiers.kinds`) and separator.  Writes a directory with
    `card.json` and the link `weights`.
    """
    hub = spec["hub"] is not None
    if hub:
        where, folder = f"model '{spec['hub']}'", fetch(spec["hub"], spec["revision"])
    else:
        folder = one(inputs, "checkpoint")
        where = str(folder)
        if not folder.is_dir():
            raise InputError(f"{where}: there is no such checkpoint directory")
    remote = spec["trust_remote_code"]
    if spec["role"] == "policy":
        about = describe(folder, where, None, remote, hub)
        any_line_end(load_tokenizer(folder), (), where)
        kinds = {"kind": "policy"}
    else:
        from ttc.verifiers.readers import kind_class, load_reader

        network, _ = kind_class(spec["format"], spec.get("separator"))
        about = describe(folder, where, network.network_class, remote, hub)
        # A tokenizer that lacks the format's tokens is refused before anything is sampled
        how = {name: spec[name] for name in ("trust_remote_code", "separator") if name in spec}
        load_reader(spec["format"], folder, **how)
        kinds = {"kind": spec["role"], "format": spec["format"]}
    options = {name: spec[name] for name in OPTIONS}
    if "separator" in spec:
        options["separator"] = spec["separator"]
    place = {name: spec[name] for name in ("hub", "revision") if spec[name] is not None}
    card = kinds | about | {"checkpoint": place | options}
    output.mkdir(parents=True, exist_ok=True)
    write_card(output, card)
    (output / LINK).symlink_to(folder.resolve(), target_is_directory=True)
    active = f" ({about[ACTIVE]:,} of them active, by which FLOPs are counted)" if ACTIVE in about else ""
    print(
        f"  {where}: {about['architecture']}, {about['parameters']:,} parameters{active}, window "
        f"{about['window']:,}",
        flush=True,
    )
