"""Reasons why the hub did not answer, told from the errors of several libraries.

`huggingface_hub` and `datasets` wrap what went wrong in errors about their caches, and drop some causes, so the whole
chain of an error is read, and the text of its head.
"""

GATED, NO_REVISION, NO_REPOSITORY, UNREACHABLE = "gated", "no revision", "no repository", "unreachable"
# What is gated is also not found, so the order counts.  Names of classes, and parts of the texts of `datasets`
TOLD_BY = {
    GATED: ({"GatedRepoError"}, ("is a gated dataset",)),
    NO_REVISION: ({"RevisionNotFoundError"}, ("Revision '",)),
    NO_REPOSITORY: ({"RepositoryNotFoundError"}, ("doesn't exist on the Hub",)),
    UNREACHABLE: (
        {
            "OfflineModeIsEnabled",
            "LocalEntryNotFoundError",
            "ConnectionError",
            "ConnectError",
            "ConnectTimeout",
            "ReadTimeout",
            "ProxyError",
        },
        (),
    ),
}


def reason(error: BaseException) -> str | None:
    """One of the four reasons above, or None for anything else."""
    names, text, each = set(), first_line(error), error
    while each is not None:
        names.add(type(each).__name__)
        each = each.__cause__ or each.__context__
    for why, (classes, parts) in TOLD_BY.items():
        if names & classes or any(part in text for part in parts):
            return why
    return None


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or the name of its class."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
