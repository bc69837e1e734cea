"""Stage `fetch_model`: a published checkpoint, fetched where there is a connection, checked and described.

The weights stay where they are, in the hub's cache or in a directory of the user's; the output is a card and a link.
Those of a GGUF file are converted once, into a directory in the link's place.  Every later stage loads from there, so
that a compute node needs no connection.  Of a model behind a server the output is a card that says so.
"""

from pathlib import Path

from ttc.digests import file_digest
from ttc.engines.client import Server
from ttc.engines.served_check import check_usual
from ttc.engines.server import describe as ask
from ttc.errors import InputError
from ttc.models.card import ACTIVE, SERVED, write_card
from ttc.models.fetch import describe, fetch
from ttc.models.gguf_header import is_gguf
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
    """spec: role (policy, prm), hub and revision (or the input `checkpoint`, a directory or a GGUF file), dtype,
    attention, trust_remote_code, and linear where it is not torch's; of a verifier format (`ttc.verifiers.kinds`) and
    separator; of a GGUF file gguf, the version of the package that reads it; or role and served, the name of a model
    behind a server, and of a judge format.  Writes a directory with `card.json` and, of a model that is here,
    `weights`, a link or a directory.
    """
    if "served" in spec:
        _ask(spec, output, runtime)
        return
    place = {name: spec[name] for name in ("hub", "revision", "gguf") if spec.get(name) is not None}
    given = None if spec["hub"] is not None else one(inputs, "checkpoint")
    where = f"model '{spec['hub']}'" if given is None else str(given)
    network_class = _network_class(spec, given, where)
    if given is None:
        folder = fetch(spec["hub"], spec["revision"])
    elif is_gguf(given):
        folder = _converted(given, output / LINK, spec["dtype"], where)
        place["sha256"] = file_digest(given)
    else:
        folder = given
        if not folder.is_dir():
            raise InputError(f"{where}: there is no such checkpoint directory")
    about = describe(folder, where, network_class, spec["trust_remote_code"], given is None)
    if spec["role"] == "policy":
        any_line_end(load_tokenizer(folder), (), where)
        kinds = {"kind": "policy"}
    else:
        from ttc.verifiers.readers import load_reader

        # A tokenizer that lacks the format's tokens is refused before anything is sampled
        how = {name: spec[name] for name in ("trust_remote_code", "separator") if name in spec}
        load_reader(spec["format"], folder, **how)
        kinds = {"kind": spec["role"], "format": spec["format"]}
    options = {name: spec[name] for name in OPTIONS if name in spec}
    if "separator" in spec:
        options["separator"] = spec["separator"]
    output.mkdir(parents=True, exist_ok=True)
    write_card(output, kinds | about | {"checkpoint": place | options})
    if folder != output / LINK:
        (output / LINK).symlink_to(folder.resolve(), target_is_directory=True)
    active = f" ({about[ACTIVE]:,} of them active, by which FLOPs are counted)" if ACTIVE in about else ""
    print(
        f"  {where}: {about['architecture']}, {about['parameters']:,} parameters{active}, window "
        f"{about['window']:,}",
        flush=True,
    )


def _ask(spec: dict, output: Path, runtime: Runtime) -> None:
    """A card for a model behind a server, once the server says that it has it, and has shown what searches need."""
    model, reads = spec["served"], {"format": spec["format"]} if "format" in spec else {}
    place = f"{spec['role']}.checkpoint.{SERVED}" if reads else None
    server = Server.of(model, runtime.servers, place)
    described = ask(server, model)
    if server.continued is not None:
        check_usual(server, model, **server.continued)
    output.mkdir(parents=True, exist_ok=True)
    about = {"kind": spec["role"]} | reads | {"checkpoint": {SERVED: model}}
    write_card(output, about | {"described": described})
    print(f"  '{model}' is served", flush=True)


def _network_class(spec: dict, given: Path | None, where: str) -> type | None:
    """The class of a verifier's network; InputError for one with a head of its own in a GGUF file, which has none."""
    if spec["role"] == "policy":
        return None
    from transformers import AutoModelForCausalLM

    from ttc.verifiers.readers import kind_class

    found = kind_class(spec["format"], spec.get("separator"))[0].network_class
    if given is not None and is_gguf(given) and found is not AutoModelForCausalLM:
        raise InputError(
            f"{where}: a GGUF file holds a language model, and kind '{spec['format']}' needs another head"
        )
    return found


def _converted(file: Path, folder: Path, dtype: str, where: str) -> Path:
    from ttc.models.gguf import convert

    if not file.is_file():
        raise InputError(f"{where}: there is no such GGUF file")
    convert(file, folder, dtype, where)
    return folder
