"""Every report and the bill of one archive, on DuckDB and on Hive, cell by cell."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random

import pytest
from pyhive import hive
from small_archive import ADS_ROWS, DAY, EVENTS, ad, event, write_archive

from marketplace.runtime.archive.open import open_archive
from reporting.period import Period
from reporting.queries import By
from reporting.statement import Statement, make_statement
from stack.local.hive import Hive

pytestmark = pytest.mark.mesh

_databases = count()
_START = datetime(2025, 9, 1, tzinfo=UTC)
_NAMES = ["Two\nlines", "Tab\there", "\\N", "back\\slash", 'O\'Hara "quoted"', "żółw 🐢", "  padded ", "", None, "NULL"]


@pytest.fixture
def hive_url(hive_server: Hive, tmp_path: Path) -> str:
    """Makes a database of its own for the test, and returns the URL of its archive there."""
    port, database = hive_server.ports["client"], f"reports_{next(_databases)}"
    with closing(hive.connect("127.0.0.1", port, username="test")) as connection:
        connection.cursor().execute(f"CREATE DATABASE {database}")
    return f"hive://test@127.0.0.1:{port}/{database}?files={tmp_path.as_uri()}"


def random_archive(root: Path, seed: int) -> Path:
    """Writes 40 campaigns with 25 events each, names of every unpleasant kind, charges of up to nine decimals."""
    random = Random(seed)
    ads, events = [*ADS_ROWS], [*EVENTS]
    serial = count()
    for number in range(40):
        campaign = f"{number:02}-{random.choice(_NAMES) or 'x'}"
        budget = str(Decimal(random.randrange(10**12)).scaleb(-9))
        ads.append(ad(campaign, random.randrange(26), category=random.choice(_NAMES), budget=budget))
        for seq in range(1, 26):
            time = (_START + timedelta(microseconds=random.randrange(3 * 86_400_000_000))).replace(tzinfo=None)
            fields = {
                "view": random.randrange(2),
                "click": random.randrange(2),
                "acquisition": random.randrange(2),
                "expenditure": str(Decimal(random.randrange(10**10)).scaleb(-9)),
                "uncharged": str(Decimal(random.randrange(10**3)).scaleb(-9)),
                "bid_cpm": str(Decimal(random.randrange(50_000)).scaleb(-9)),
                "user_age": random.choice([None, random.randrange(120)]),
                "user_gender": random.choice(["F", "M", "", None]),
                "user_income_bucket": random.choice(["H", "M", "L", "", None]),
            }
            for name in ("city", "state", "device_type", "target_location", "target_device_type"):
                fields[name] = random.choice(_NAMES)
            events.append(event(campaign, seq, f"q{next(serial)}", time.isoformat(), **fields))
    return write_archive(root, ads, events)


def statement(url: str, period: Period, by: By) -> Statement:
    catalog = open_archive(url).catalog
    with closing(catalog):
        catalog.create_tables()
        return make_statement(catalog, period, currency="INR", made_at=_START, by=by)


@pytest.mark.parametrize(
    ("period", "by"), [(DAY, By.USER), (Period(), By.TARGET)], ids=["day by user", "all by target"]
)
def test_both_answer_every_cell_alike(hive_url, tmp_path, period, by):
    root = random_archive(tmp_path, seed=7)
    embedded, mesh = statement(root.as_uri(), period, by), statement(hive_url, period, by)
    for ours, theirs in zip(embedded.reports, mesh.reports, strict=True):
        assert ours.rows, ours.report.title
        assert ours == theirs, ours.report.title
    assert embedded.bill.lines
    assert embedded == mesh


def test_both_have_an_empty_statement_of_an_empty_archive(hive_url, tmp_path):
    empty = statement(hive_url, Period(), By.USER)
    assert empty == statement(tmp_path.as_uri(), Period(), By.USER)
    assert not any(result.rows for result in empty.reports)
