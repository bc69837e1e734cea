"""All tables by name: for what handles tables of every kind, such as the published study and the documentation.

A stage imports the tables that it reads and writes from their own modules, not from here.
"""

from ttc.tables import (
    advice,
    analysis,
    best,
    comparison,
    extrapolation,
    generation,
    hybrid,
    live,
    money,
    pools,
    publication,
    revisions,
    search,
    solutions,
    spending,
    stopping,
    studies,
    thinking,
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
        advice,
        stopping,
        comparison,
        spending,
        studies,
        solutions,
        hybrid,
        extrapolation,
        best,
        thinking,
        money,
        live,
        publication,
    )
    for declared in vars(module).values()
    if isinstance(declared, Schema)
}
