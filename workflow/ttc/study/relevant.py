"""The part of a configuration that its study uses: keys that matter to its origin, and models that it has."""

from ttc.study.blocks import SHARDING
from ttc.study.sections.base import Origin, Section
from ttc.study.sections.configuration import POOL, PUBLISHED, Configuration
from ttc.study.sections.revision import TRAINING, Revision
from ttc.study.sections.served import Served

# Keys whose values config.resolved.yaml and the report of a study with generated problems have never shown
UNSHOWN = ("revision.training.checkpoint", "revision.rest.training.checkpoint")

SIZES = {"parameters", "active_parameters"}


def shown_configuration(configuration: Configuration) -> dict:
    """What config.resolved.yaml shows: everything that can change an artifact of this study or its name."""
    origin = configuration.origin
    shown = used(configuration, origin, UNSHOWN)
    del shown["runtime"]
    if configuration.seeds is None:
        # As before there were any
        shown.pop("seeds", None)
    if configuration.notebooks.use:  # as before they could be left out
        shown.pop("notebooks", None)
    if origin == PUBLISHED:
        for name in ("policy", "larger_policy", "prm"):
            served = configuration.served.get(name)
            thought = {"thought": shown[name]["thought"]} if "thought" in shown[name] else {}
            if served is not None:  # not where it is, and how it is asked
                shown[name] = {"served": _asked(served, configuration.prices)} | thought
                continue
            shown[name].pop("served", None)  # as before there were any
            if shown[name]["checkpoint"] is not None:  # nothing is trained that is given
                given = ("use", "checkpoint", "preflight")
                shown[name] = {each: shown[name][each] for each in given if each in shown[name]} | thought
                if not configuration.prices:
                    shown[name]["checkpoint"].pop("price", None)
                if shown[name]["checkpoint"].get("judge", "") is None:  # as before there were any
                    del shown[name]["checkpoint"]["judge"]
        for name, served in configuration.served_verifiers.items():
            if configuration.verifier.hosted:
                shown[name]["checkpoint"]["served"] = {"model": served.model}
                continue
            asked = {each: shown[name]["checkpoint"].get(each) for each in ("kind", "judge")}
            own = {"served": _asked(served, configuration.prices)}
            shown[name]["checkpoint"] = {each: asked[each] for each in asked if asked[each] is not None} | own
    if origin != POOL:
        for name in ("prm", "orm", "revision"):
            if not shown[name]["use"]:
                shown[name] = {"use": False}
        if configuration.revises:
            shown["revision"] = _revision(configuration.revision, shown["revision"])
        if not configuration.searches:
            del shown["search"]
    return shown


def _asked(served: Served, prices: dict) -> dict:
    """What is said of a model behind a server; a price where it decides something, as before there were any."""
    price = {"price": served.price.model_dump()} if prices and served.price is not None else {}
    return served.said | served.model_dump(include=SIZES) | price


def _revision(section: Revision, shown: dict) -> dict:
    """Without what nobody trains, and without the usual choices, as before there were others."""
    trained = {"pairs", "training", "fine_tuning", "first_answer", "rest"}
    unused = {"by"} if section.by == TRAINING else trained
    shown = {name: value for name, value in shown.items() if name not in unused}
    verifier = {name: value for name, value in shown["verifier"].items() if name != "use"}
    return shown | {"verifier": verifier if section.verifier.use else {"use": False}}


def without_sharding(configuration: dict) -> dict:
    """What the report shows: everything that can change a result; it is the same however the work was cut."""
    return {
        section: {name: value for name, value in values.items() if name not in SHARDING[section]}
        if section in SHARDING
        else values
        for section, values in configuration.items()
    }


def used(section: Section, origin: str, unshown: tuple[str, ...] = (), prefix: str = "") -> dict:
    """The keys of a section that matter to studies of an origin, at any depth; without the paths `unshown`."""
    found = {}
    plain = section.model_dump()
    for name, field in type(section).model_fields.items():
        path, value = f"{prefix}{name}", getattr(section, name)
        elsewhere = any(origin not in mark.names for mark in field.metadata if isinstance(mark, Origin))
        if name in plain and path not in unshown and not elsewhere:
            deeper = isinstance(value, Section)
            found[name] = used(value, origin, unshown, f"{path}.") if deeper else plain[name]
    return found
