"""The archive's tables through DuckDB, in this process, straight from the Parquet files."""

import glob
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from marketplace import errors
from marketplace.ports import ResultTable
from marketplace.runtime.archive.schema import PARTITIONED, WHOLE

_PUBLISHED: Final = "[!_.]*.parquet"


class DuckDbCatalog:
    """Implements `ports.ArchiveCatalog`. Each table is a view over a glob, so a query sees the files of its moment.

    All times are naive UTC, so DuckDB's own time zone matters nowhere. One session, for one thread at a time. A query
    past `deadline_s` raises `errors.Unavailable`, bad SQL `errors.InvalidArgument`.
    """

    def __init__(self, root: Path, memory_limit: str = "1GB", deadline_s: float = 300.0) -> None:
        self._root = root
        self._deadline_s = deadline_s
        self._connection = duckdb.connect(config={"memory_limit": memory_limit, "preserve_insertion_order": False})
        self._empty: set[str] = set()

    def create_tables(self) -> None:
        """Creates the views; a table without files yet is an empty one, and looked at again before each statement."""
        self._empty = {*PARTITIONED, *WHOLE}
        for name, schema in PARTITIONED.items():
            self._connection.execute(_empty_view(name, schema, ["dt", "hour"]))
        for name, schema in WHOLE.items():
            self._connection.execute(_empty_view(name, schema, []))

    def add_partition(self, table: str, date: str, hour: str) -> None:
        """Does nothing: DuckDB finds partitions by their folders."""

    def drop_partitions(self, table: str, date: str) -> None:
        """Does nothing: DuckDB finds partitions by their folders."""

    def execute(self, sql: str) -> None:
        """Runs a statement for the rest of this session."""
        self._fill_views()
        with self._guarded():
            self._connection.execute(sql)

    def query(self, sql: str) -> ResultTable:
        """Runs one SELECT."""
        self._fill_views()
        with self._guarded():
            cursor = self._connection.execute(sql)
            columns = tuple(column[0] for column in cursor.description or ())
            return ResultTable(columns, cursor.fetchall())

    def put(self, name: str, rows: pa.Table) -> None:
        """Makes rows a table of this session, in front of the archive's of the same name."""
        with self._guarded():
            self._connection.register(name, rows)

    def close(self) -> None:
        """Ends the session."""
        self._connection.close()

    def _fill_views(self) -> None:
        """Puts views over the files of tables that were empty: DuckDB refuses a glob that matches nothing."""
        for name in sorted(self._empty):
            depth = "dt=*/hour=*/" if name in PARTITIONED else ""
            pattern = f"{glob.escape(str(self._root))}/{name}/{depth}{_PUBLISHED}"
            if next(glob.iglob(pattern), None):
                with self._guarded():
                    self._connection.execute(_files_view(name, pattern))
                self._empty.discard(name)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Interrupts what runs past the deadline, and answers DuckDB's errors as ours."""
        timer = threading.Timer(self._deadline_s, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            raise errors.Unavailable(f"the query took longer than {self._deadline_s:g} s") from None
        except duckdb.ProgrammingError as problem:
            raise errors.InvalidArgument(str(problem), field="sql") from problem
        except duckdb.Error as problem:
            raise errors.Unavailable(f"the archive cannot be read: {problem}") from problem
        finally:
            timer.cancel()
            timer.join()  # or it might interrupt the next query, or end DuckDB's connection while the process is ending


def _files_view(name: str, pattern: str) -> str:
    if name in WHOLE:
        columns, options = [*WHOLE[name].names], "hive_partitioning = false"
    else:
        columns = [*PARTITIONED[name].names, "dt", "hour"]
        options = "hive_partitioning = true, hive_types = {'dt': 'VARCHAR', 'hour': 'VARCHAR'}"
    quoted = pattern.replace("'", "''")
    listed = ", ".join(f'"{column}"' for column in columns)
    source = f"read_parquet('{quoted}', union_by_name = true, {options})"
    return f"CREATE OR REPLACE VIEW {name} AS SELECT {listed} FROM {source}"  # noqa: S608  # no outside text


def _empty_view(name: str, schema: pa.Schema, partition_columns: list[str]) -> str:
    nulls = [f'CAST(NULL AS {_sql_type(field.type)}) AS "{field.name}"' for field in schema]
    nulls += [f'CAST(NULL AS VARCHAR) AS "{column}"' for column in partition_columns]
    return f"CREATE OR REPLACE VIEW {name} AS SELECT {', '.join(nulls)} WHERE false"


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    names: dict[Any, str] = {pa.string(): "VARCHAR", pa.int32(): "INTEGER", pa.int64(): "BIGINT"}
    return names.get(kind, "TIMESTAMP")
