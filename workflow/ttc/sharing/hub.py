"""Upload of an archive's folder to the Hugging Face hub, as a data set whose viewer shows the tables."""

from pathlib import Path

from ttc.errors import InputError
from ttc.problems.hub_errors import GATED, NO_REPOSITORY, UNREACHABLE, reason

SENTENCES = {
    GATED: "you may not write there; log in (`hf auth login`) with a token that may",
    NO_REPOSITORY: "you may not write there; log in (`hf auth login`) with a token that may",
    UNREACHABLE: "the hub cannot be reached; run the same command where there is a connection",
}


def upload(folder: Path, name: str, number: str) -> str:
    """Make the private data set `name` (OWNER/NAME) if there is none, and put the folder's files there in one commit.

    Its message is the archive's number.  Returns the commit's address.  InputError where the hub refuses.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
        made = api.upload_folder(
            repo_id=name, repo_type="dataset", folder_path=folder, commit_message=f"ttc archive {number}"
        )
    except Exception as error:  # of several libraries
        said = SENTENCES.get(reason(error), " ".join((str(error).strip() or type(error).__name__).split()))
        raise InputError(f"--to-hub {name}: {said}") from error
    return str(made.commit_url)
