"""What several test modules share."""

import pytest


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """All artifacts of `all_stages`, by name; nobody changes them."""
    from tests.support import all_stages, tiny

    assert tiny.torch.get_num_threads() == 1
    return all_stages.run_all(tmp_path_factory.mktemp("study"), batch_rows=1024)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """A checkpoint of each kind of published verifier; nobody changes them."""
    from tests.support.published import KINDS, checkpoint

    folder = tmp_path_factory.mktemp("published")
    return {kind: checkpoint(folder / kind, kind) for kind in KINDS}


@pytest.fixture(scope="session")
def verifiers(folders):
    """The verifiers of these, by kind."""
    from ttc.verifiers.load import load

    return {kind: load(kind, folder, device="cpu") for kind, folder in folders.items()}
