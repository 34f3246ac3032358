"""What Postgres' catalog says of the tables of Prefect's database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncpg import Connection

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name,
       array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'r' AND n.nspname = current_schema()
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY n.nspname, c.relname ORDER BY c.relname
"""
_FOREIGN_KEYS = """
SELECT n.nspname AS schema, c.relname AS name, k.conname AS key,
       pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND n.nspname = current_schema()
ORDER BY c.relname, k.conname
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``columns`` are those that hold data, in their order."""

    schema: str
    name: str
    columns: tuple[str, ...]

    @property
    def qualified(self) -> str:
        """Schema and name, for SQL."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    @property
    def selection(self) -> str:
        """A query of all rows."""
        columns = ", ".join(identifier(column) for column in self.columns)
        return f"SELECT {columns} FROM {self.qualified}"  # noqa: S608 - quoted names


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A constraint; ``definition`` begins with ``FOREIGN KEY``, ``name`` is quoted for SQL."""

    schema: str
    table: str
    name: str
    definition: str

    @property
    def qualified(self) -> str:
        """Schema and name of its table, for SQL."""
        return f"{identifier(self.schema)}.{identifier(self.table)}"


async def tables(db: Connection) -> list[Table]:
    """All tables of the schema that the server uses, by name."""
    rows = await db.fetch(_TABLES)
    return [Table(row["schema"], row["name"], tuple(row["columns"])) for row in rows]


async def foreign_keys(db: Connection) -> list[ForeignKey]:
    """All foreign keys of these tables."""
    rows = await db.fetch(_FOREIGN_KEYS)
    return [
        ForeignKey(row["schema"], row["name"], identifier(row["key"]), row["definition"])
        for row in rows
    ]


def identifier(name: str) -> str:
    """A name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'
