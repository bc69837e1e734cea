"""SIGKILL of every GPU stage's process at random moments: the same command ends with the same bytes."""

from tools import killed_stages


def test_every_gpu_stage_survives_kills_at_random_moments(tmp_path):
    results = killed_stages.run(tmp_path, kills=1, seed=1)  # `make faults`: ten
    assert [each.stage for each in results] == killed_stages.GPU_STAGES
    assert [each.stage for each in results if not each.equal] == []
    assert all(each.kills == 1 for each in results)
