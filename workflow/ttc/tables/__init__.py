"""The tables that stages exchange: what they hold (`schemas`) and how they are read and written (`files`)."""

from ttc.tables.files import ROW_GROUP_SIZE, Span, check, read, spans, write
from ttc.tables.schemas import SCHEMAS, Column, Schema

__all__ = ["ROW_GROUP_SIZE", "SCHEMAS", "Column", "Schema", "Span", "check", "read", "spans", "write"]
