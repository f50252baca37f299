"""The SQL of a report run: files in `sql/`, in the common tongue of DuckDB and Hive, over two temporary tables.

The archive is read twice, once for each table, and once more for report 10; all else reads the small tables. The first
fixes the last event of every campaign that counts, so what is archived meanwhile changes no number.
"""

from enum import StrEnum
from importlib.resources import files

from marketplace.ports import ArchiveCatalog
from reporting.period import Period


class By(StrEnum):
    """What the audience reports (4 to 8) group by: the user as seen in the auction, or the ad's targeting."""

    USER = "user"
    TARGET = "target"


def load_sql(name: str, period: Period) -> str:
    """Reads `sql/<name>.sql` without its comments and fills in the period."""
    text = (files(__package__) / "sql" / f"{name}.sql").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    start, end = period.sql_bounds()
    return "\n".join(lines).format(start=start, end=end)


def create_tables(catalog: ArchiveCatalog, period: Period, by: By = By.USER) -> None:
    """Makes this session's temporary tables for a period, in place of those of an earlier run."""
    catalog.execute("DROP TABLE IF EXISTS report_audience")
    catalog.execute("DROP TABLE IF EXISTS report_campaigns")
    catalog.execute(load_sql("campaigns", period))
    catalog.execute(load_sql(f"audience_by_{by.value}", period))
