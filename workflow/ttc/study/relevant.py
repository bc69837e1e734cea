"""What a study shows of its configuration: what it uses, so that nobody reads of a training that never was."""

from ttc.study.graph.sampling import SHARDING

# Sections that a study of imported pools does not use.
GENERATION = ("task", "policy", "larger_policy", "sampling", "prm", "orm", "search", "revision", "exchange")
GENERATION += ("problems", "engine")
MODELS = ("policy", "larger_policy", "prm", "orm", "revision")
# Keys of models, at any depth, for those that are trained from scratch, and for those that start from published ones.
SCRATCH = ("model", "training", "first_group", "solutions_first")
PUBLISHED = ("checkpoint", "preflight", "fine_tuning")


def shown_configuration(configuration: dict) -> dict:
    """What config.resolved.yaml shows: everything that can change an artifact of this study or its name."""
    if configuration["source"] is not None:
        return _without(configuration, ("runtime", *GENERATION))
    generated = configuration["problems"] is None
    shown = _without(configuration, ("runtime", *(("problems", "engine") if generated else ("task",))))
    return shown | {name: _model(shown[name], generated) for name in MODELS}


def without_sharding(configuration: dict) -> dict:
    """What the report shows: everything that can change a result; it is the same however the work was cut."""
    return {
        section: _without(values, SHARDING[section]) if section in SHARDING else values
        for section, values in configuration.items()
    }


def _model(section: dict, generated: bool) -> dict:
    """A model's section without what is not done with it: nothing is trained that is given, or not used at all."""
    if section.get("use") is False:
        return {"use": False}
    if not generated and section.get("checkpoint") is not None:
        return {name: section[name] for name in ("checkpoint", "preflight") if name in section}
    return _deeply_without(section, PUBLISHED if generated else SCRATCH)


def _without(section: dict, names: tuple[str, ...]) -> dict:
    return {name: value for name, value in section.items() if name not in names}


def _deeply_without(section: dict, names: tuple[str, ...]) -> dict:
    return {
        name: _deeply_without(value, names) if isinstance(value, dict) else value
        for name, value in _without(section, names).items()
    }
