"""The check of pages finds what is wrong with a page, and says what it needs."""

import pytest

from tools import check_pages, chromium

FAULTY = """<!doctype html><html lang="en"><head><title>x</title></head><body><main><h1>x</h1>
<p style="color:#ccc;background:#fff">faint</p><div style="width:3000px">wide</div></main>
<img alt="" src="http://127.0.0.1:9/x"><script>absent()</script></body></html>"""


def test_a_folder_without_pages_is_refused_in_a_sentence(tmp_path, capsys):
    assert check_pages.main([str(tmp_path)]) == 2
    assert "a folder of pages holds report.html" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["Chromium", "axe-core"])
def test_it_says_what_is_missing(tmp_path, capsys, monkeypatch, missing):
    monkeypatch.setattr(chromium, "found", lambda: None if missing == "Chromium" else "chromium")
    (tmp_path / "report.html").write_text(FAULTY)
    assert check_pages.main([str(tmp_path), "--axe", str(tmp_path / "axe.min.js")]) == 2
    assert f"{missing} is needed" in capsys.readouterr().err


def test_pages_of_a_study_and_of_a_comparison_are_found(tmp_path):
    names = [
        "report.html",
        "gallery.html",
        "comparison.html",
        "solutions/index.html",
        "solutions/b/index.html",
    ]
    for name in [*names, "other.html"]:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("")
    assert sorted(check_pages.files(tmp_path)) == sorted(tmp_path / name for name in names)
    assert check_pages.files(tmp_path / "other.html") == [tmp_path / "other.html"]


@pytest.mark.slow
@pytest.mark.skipif(chromium.found() is None, reason="there is no Chromium on this machine")
@pytest.mark.skipif(not check_pages.AXE.is_file(), reason="axe-core is not here; `make check-pages` gets it")
def test_faults_are_found(tmp_path):
    (tmp_path / "report.html").write_text(FAULTY)
    found = check_pages.check([tmp_path / "report.html"], check_pages.AXE.read_text())
    assert found.views == 4
    for fault in (
        "serious: color-contrast",
        "absent is not defined",
        "it asks http://127.0.0.1:9/x",
        "pixels wide",
    ):
        assert any(fault in each for each in found.failures), fault
