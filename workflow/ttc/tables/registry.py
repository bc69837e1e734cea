"""All tables by name: for what handles tables of every kind, such as the published study and the documentation.

A stage imports the tables that it reads and writes from their own modules, not from here.
"""

from ttc.tables import (
    analysis,
    comparison,
    generation,
    pools,
    publication,
    revisions,
    search,
    spending,
    stopping,
)
from ttc.tables.schema import Schema

SCHEMAS: dict[str, Schema] = {
    declared.name: declared
    for module in (
        generation,
        pools,
        search,
        revisions,
        analysis,
        stopping,
        comparison,
        spending,
        publication,
    )
    for declared in vars(module).values()
    if isinstance(declared, Schema)
}
