"""Tables of plug-ins in documents say what the plug-ins declare."""

import pytest

from tools import plugin_tables
from ttc import plugins

PAGES = {name: (plugin_tables.DOCUMENTS / name).read_text() for name, *_ in plugin_tables.TABLES.values()}


def test_the_tables_are_written_anew_after_every_change():
    for name, page in PAGES.items():
        assert plugin_tables.written(name, page) == page, "make docs"


@pytest.mark.parametrize("name", plugin_tables.TABLES)
def test_a_table_has_a_row_for_each_plugin(name):
    _, package, columns = plugin_tables.TABLES[name]
    head, line, *rows = plugin_tables.table(name).splitlines()
    assert [row.split(" | ")[0] for row in rows] == [f"| `{each}`" for each in plugins.names(package)]
    assert {row.count(" | ") for row in [head, *rows]} == {len(columns)} and line.count("|") == len(
        columns
    ) + 2


def test_a_new_plugin_is_missing_until_the_tables_are_written(monkeypatch):
    known = plugins.declarations

    def one_more(package):
        return known(package) | {"new": next(iter(known(package).values()))}

    monkeypatch.setattr(plugins, "declarations", one_more)
    found = [plugin_tables.written(name, page).count("| `new` |") for name, page in PAGES.items()]
    assert sum(found) == len(plugin_tables.TABLES)
