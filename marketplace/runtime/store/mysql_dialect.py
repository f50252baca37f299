"""SQLAlchemy's dialect of mysql-connector-python: lost connections told as such, and no work that nobody asked for.

The driver's C extension lets exceptions of its own out of commit and rollback; SQLAlchemy would take them for none of
the database's. And the dialect does not know every way in which a server hangs up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from mysql.connector import HAVE_CEXT, Error, OperationalError
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.mysqlconnector import MySQLDialect_mysqlconnector

from marketplace.runtime.store.transactions import LOST_CODES

DRIVER_NAME: Final = "mysql+adplatform"
_LOST_CODE: Final = 2013

registry.register("mysql.adplatform", __name__, "Dialect")


class Dialect(MySQLDialect_mysqlconnector):
    """See the module."""

    supports_statement_cache = True

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """Connects, by the driver's C extension where it is there: after pyarrow's libraries it does not load."""
        if not HAVE_CEXT:
            return super().connect(*arguments, **options)
        from marketplace.runtime.store.mysql_connection import LeanConnection

        return LeanConnection(*arguments, **options)

    def do_commit(self, dbapi_connection: Any) -> None:
        """Commits. Raises the driver's documented errors only."""
        with _documented_errors():
            super().do_commit(dbapi_connection)  # type: ignore[no-untyped-call]

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Rolls back. Raises the driver's documented errors only."""
        with _documented_errors():
            super().do_rollback(dbapi_connection)  # type: ignore[no-untyped-call]

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:
        """Tells whether the error says that the connection is gone."""
        lost = getattr(e, "errno", None) in LOST_CODES or "Connection not available" in str(e)
        return lost or super().is_disconnect(e, connection, cursor)


@contextmanager
def _documented_errors() -> Iterator[None]:
    try:
        yield
    except Error:
        raise
    except Exception as problem:
        raise OperationalError(msg=str(problem), errno=getattr(problem, "errno", None) or _LOST_CODE) from problem
