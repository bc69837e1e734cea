"""What several test modules share."""

import pytest


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """All artifacts of `all_stages`, by name; nobody changes them."""
    import all_stages
    import tiny

    assert tiny.torch.get_num_threads() == 1
    return all_stages.run_all(tmp_path_factory.mktemp("study"), batch_rows=1024)
