"""What people look for and count in the store: the same on every database, where not said otherwise."""

from dataclasses import replace

import pytest
from sqlalchemy import insert
from store_cases import HOUR_US, NOW_US, UNIT, Store, campaign

from marketplace.bids import bid_key
from marketplace.campaign import Campaign, Status, Targeting, Window
from marketplace.money import MAX_BUDGET_NANOS, MAX_PRICE_NANOS
from marketplace.runtime.store.schema import users
from marketplace.runtime.store.transactions import write_transaction
from reporting.service import audience, ledger
from reporting.service.choices import Choice, read_choices
from reporting.service.estimate import Kind, Rivals
from reporting.service.search import Order, Phase, Wanted, search
from reporting.service.standing import Standing, read_standing

DAY_US = 24 * HOUR_US
ANYONE = Targeting()
_PROFILE = ("internet_usage", "user_agent_string", "websites", "movies", "music", "program", "books")
_LIKES = ("negatives", "positives")


def made(number: int, **changes: object) -> Campaign:
    return campaign(f"c{number}", created_us=NOW_US + number, updated_us=NOW_US - number, **changes)


MANY = (
    made(1, text="apple ÄPFEL", category="Toys", keywords="fruit,100%", spent_nanos=3 * UNIT, account="a"),
    made(2, text="Banana", category="Toys", keywords="yellow_fruit", spent_nanos=1 * UNIT, account="a"),
    made(3, text="cherry", category="Books", keywords="", account="b", budget_nanos=5 * UNIT, cpc_nanos=10**9),
    made(4, text="Date", category="Books", status=Status.STOPPED, targeting=Targeting(city="Pune"), account="b"),
    made(5, text="elder", category="", status=Status.EXHAUSTED, targeting=Targeting(device="Macbook")),
    made(6, text="fig", category="", window=Window(NOW_US + HOUR_US, NOW_US + DAY_US), targeting=ANYONE),
    made(7, text="grape", category="", window=Window(NOW_US - DAY_US, NOW_US), targeting=ANYONE),
)


def found(store: Store, order: Order = Order.ID, descending: bool = False, **wanted: object) -> str:
    """Returns the numbers of the campaigns that are found, in order."""
    page, total = search(store.engine, Wanted(**wanted), order, descending, 0, 50, NOW_US)  # type: ignore[arg-type]
    assert len(page) == total
    return "".join(one.campaign_id[1:] for one in page)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, "1234567"),
        ({"query": "APPLE"}, "1"),
        ({"query": "FRUIT"}, "12"),
        ({"query": "fruit yell"}, "2"),
        ({"query": "Äpfel Apple"}, "1"),
        ({"query": "äPFEL"}, "1"),
        ({"query": "0%"}, "1"),
        ({"query": "w_f"}, "2"),
        ({"query": "%"}, "1"),
        ({"query": "c4"}, "4"),
        ({"query": "nothing"}, ""),
        ({"category": "Toys"}, "12"),
        ({"device": "Macbook"}, "5"),
        ({"city": "Pune"}, "4"),
        ({"city": "Mumbai", "device": "iPhone", "account": "b"}, "3"),
        ({"account": "a", "category": "Books"}, ""),
        ({"phase": Phase.LIVE}, "123"),
        ({"phase": Phase.SCHEDULED}, "6"),
        ({"phase": Phase.ENDED}, "7"),
        ({"phase": Phase.EXHAUSTED}, "5"),
        ({"phase": Phase.STOPPED}, "4"),
    ],
)
def test_what_is_found(store: Store, wanted: dict[str, object], numbers: str) -> None:
    store.put(*MANY)
    if "ä" in str(wanted) and store.is_sqlite:
        numbers = ""  # SQLite knows the case of ASCII alone
    assert found(store, **wanted) == numbers


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        (Order.CREATION, "1234567"),
        (Order.ID, "1234567"),
        (Order.TEXT, "1234567"),
        (Order.SPENT, "3456721"),
        (Order.BUDGET, "3124567"),
        (Order.BID, "1245673"),
        (Order.END, "7123456"),
        (Order.UPDATE, "7654321"),
    ],
)
def test_in_what_order(store: Store, order: Order, numbers: str) -> None:
    store.put(*MANY)
    assert found(store, order) == numbers
    assert found(store, order, descending=True) == numbers[::-1]


def test_pages_hold_every_campaign_once(store: Store) -> None:
    store.put(*(campaign(f"c{number:02}", text="the same") for number in range(23)))
    pages = [search(store.engine, Wanted(), Order.TEXT, True, skip, 10, NOW_US) for skip in (0, 10, 20, 30)]
    assert [(len(page), total) for page, total in pages] == [(10, 23), (10, 23), (3, 23), (0, 23)]
    assert [one.campaign_id for page, _ in pages for one in page] == [f"c{n:02}" for n in reversed(range(23))]


def test_choices_and_how_many_have_them(store: Store) -> None:
    store.put(*MANY)
    assert read_choices(store.engine, None)["categories"] == [Choice("", 3), Choice("Books", 2), Choice("Toys", 2)]
    own = read_choices(store.engine, "b")
    assert (own["cities"], own["accounts"]) == ([Choice("Mumbai", 1), Choice("Pune", 1)], [Choice("b", 2)])


def test_how_all_stand(store: Store) -> None:
    soon = Window(NOW_US - DAY_US, NOW_US + DAY_US)
    late = Window(NOW_US - DAY_US, NOW_US + 2 * DAY_US)
    store.put(
        *MANY,
        made(8, window=late, budget_nanos=10 * UNIT, spent_nanos=9 * UNIT),
        made(9, window=soon, budget_nanos=10 * UNIT, spent_nanos=10 * UNIT - 1),
        made(0, window=late, budget_nanos=10 * UNIT, spent_nanos=9 * UNIT - 1),
    )
    standing = read_standing(store.engine, None, NOW_US)
    assert (standing.total, standing.spent_nanos) == (10, 32 * UNIT - 2)
    assert [standing.counts[phase] for phase in Phase] == [6, 1, 1, 1, 1]
    assert standing.live_leftover_nanos == (57 + 59 + 5 + 1 + 1) * UNIT + 2
    assert [one.campaign_id for one in standing.ending] == ["c1", "c2", "c3", "c9"]
    assert [one.campaign_id for one in standing.nearly_spent] == ["c9", "c8"]
    assert read_standing(store.engine, "a", NOW_US).spent_nanos == 4 * UNIT
    assert read_standing(store.engine, "nobody", NOW_US) == Standing(dict.fromkeys(Phase, 0), 0, 0, 0, [], [])


def test_sums_that_no_column_could_hold(store: Store) -> None:
    left = {"budget_nanos": MAX_BUDGET_NANOS, "spent_nanos": MAX_BUDGET_NANOS - 1}
    store.put(*(made(number, **left) for number in range(3)), made(3, budget_nanos=MAX_BUDGET_NANOS))
    standing = read_standing(store.engine, None, NOW_US)
    assert (standing.spent_nanos, standing.live_leftover_nanos) == (3 * MAX_BUDGET_NANOS - 3, MAX_BUDGET_NANOS + 3)
    assert [one.campaign_id for one in standing.nearly_spent] == ["c0", "c1", "c2"]
    assert ledger.total(store.engine, "", "") == 3 * MAX_BUDGET_NANOS - 3
    assert (ledger.total(store.engine, "", "c1"), ledger.total(store.engine, "x", "")) == (MAX_BUDGET_NANOS - 1, 0)


def rivals(store: Store, targeting: Targeting, bid: int = 3_000, own_id: str = "") -> Rivals:
    return audience.count_rivals(store.engine, targeting, bid, own_id, NOW_US)


def test_how_a_bid_ranks(store: Store) -> None:
    bids = (100, 200, 200, 300, MAX_PRICE_NANOS)
    store.put(*(made(n, targeting=ANYONE, cpc_nanos=cpc, cpa_nanos=0) for n, cpc in enumerate(bids)))
    assert bid_key(200, 0) == 3_000
    assert rivals(store, ANYONE) == Rivals(5, 2, 2)
    assert rivals(store, ANYONE, own_id="c1") == Rivals(4, 2, 1)
    assert rivals(store, ANYONE, bid=bid_key(MAX_PRICE_NANOS, 0)) == Rivals(5, 0, 1)
    assert rivals(store, ANYONE, bid=0) == Rivals(5, 5, 0)


def test_who_is_no_rival(store: Store) -> None:
    store.put(
        made(1, targeting=ANYONE),
        made(2, targeting=ANYONE, status=Status.STOPPED),
        made(3, targeting=ANYONE, spent_nanos=60 * UNIT),
        made(4, targeting=ANYONE, window=Window(NOW_US + 1, NOW_US + HOUR_US)),
        made(5, targeting=ANYONE, cpc_nanos=0, cpa_nanos=0),
    )
    assert rivals(store, ANYONE).all == 1


@pytest.mark.parametrize(
    ("theirs", "ours", "rival"),
    [
        (Targeting(), Targeting(gender="F", city="Pune", country="India", device="iPhone"), True),
        (Targeting(gender="ALL", city="all"), Targeting(gender="F", city="Pune"), True),
        (Targeting(city="  PUNE "), Targeting(city="pune"), True),
        (Targeting(city="", state=" all "), Targeting(city="Pune", state="MH"), True),
        (Targeting(city="Mumbai"), Targeting(city="Pune"), False),
        (Targeting(city="Zürich"), Targeting(city="Zürich"), True),
        (Targeting(city="zürich"), Targeting(city=" ZüRICH"), True),
        (Targeting(city="ÅRÅS straße"), Targeting(city="ÅRÅS straße"), True),
        (Targeting(country="Norway"), Targeting(country="India"), False),
        (Targeting(income_bucket="h"), Targeting(income_bucket="H"), True),
        (Targeting(age_start=20, age_end=30), Targeting(age_start=30, age_end=40), True),
        (Targeting(age_start=20, age_end=29), Targeting(age_start=30, age_end=40), False),
        (Targeting(age_start=20, age_end=29), Targeting(), True),
    ],
)
def test_whose_users_are_the_same(store: Store, theirs: Targeting, ours: Targeting, rival: bool) -> None:
    store.put(made(1, targeting=theirs))
    assert rivals(store, ours).all == rival


def test_users_by_kind_and_drawn(store: Store) -> None:
    kinds = [Kind(30, "F", "H", "iPhone"), Kind(30, "F", "H", "iPhone"), Kind(41, "M", "L", "Android Mobile")]
    texts = dict.fromkeys((*_PROFILE, *_LIKES), "")
    with write_transaction(store.engine) as connection:
        rows = [{"id": f"{n}000-u", **kind._asdict(), **texts} for n, kind in enumerate(kinds, 1)]
        connection.execute(insert(users), rows)
        connection.commit()
    assert audience.count_users(store.engine) == {kinds[0]: 2, kinds[2]: 1}
    assert audience.users_version(store.engine) == 0
    for start, ids in (("0000", "12"), ("2000", "23"), ("3000", "31"), ("9999", "12")):
        drawn = audience.draw_users(store.engine, start, 2)
        assert [user_id[0] for user_id, _ in drawn] == list(ids), start
    assert audience.draw_users(store.engine, "3", 1) == [("3000-u", kinds[2])]
    assert len(audience.draw_users(store.engine, "2000", 10)) == 3


def test_what_a_campaign_is_for_its_page(store: Store) -> None:
    one = made(1, spent_nanos=5, event_seq=2)
    store.put(one)
    assert ledger.account(store.engine, "c1") == ledger.Account(2, 5, 0, NOW_US)
    assert (ledger.campaign(store.engine, "c1"), ledger.owner(store.engine, "c1")) == (replace(one), "default")
    assert ledger.account(store.engine, "C1") is ledger.campaign(store.engine, "C1") is None
