"""Keys of planned artifacts, and which stages a configuration gives new ones."""

from ttc.study.build import plan_study

# Without the larger policy's samples and searches
ALONE = {"ablations": {"larger_search": False}}


def keys(root, **given):
    """The key of each artifact that the configuration `given` plans, by stage and label."""
    return {(each.stage, each.label): each.key for each in plan_study(given, root).artifacts}


def changed(root, **given):
    """Stages that have a new artifact with the configuration `given`."""
    before = set(keys(root).items())
    return {
        stage for (stage, label), key in keys(root, **given).items() if ((stage, label), key) not in before
    }
