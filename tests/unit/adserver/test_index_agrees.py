"""The index agrees with a plain scan, after any changes and at any instant (property test)."""

import random
from collections.abc import Sequence

from auction_campaigns import campaign, is_live, reaches
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.index import Index
from adserver.request import Request
from marketplace.campaign import Campaign, Status, Targeting

IDS = [f"c{number}" for number in range(24)]
CITIES = ["All", "Pune", " pune", "DELHI", "Delhi", "all "]
DEVICES = ["All", "iPhone", "IPHONE ", "Macbook"]
INSTANTS = st.integers(0, 60)

ages = st.one_of(st.just((0, 0)), st.tuples(st.integers(0, 40), st.integers(0, 130)))
targetings = st.builds(
    lambda age, **named: Targeting(age_start=age[0], age_end=age[1], **named),
    ages,
    gender=st.sampled_from(["All", "F", "M", "m"]),
    income_bucket=st.sampled_from(["All", "L", "H"]),
    city=st.sampled_from(CITIES),
    state=st.sampled_from(["All", "Bihar"]),
    country=st.sampled_from(["All", "India"]),
    device=st.sampled_from(DEVICES),
)
broad = st.builds(Targeting, gender=st.sampled_from(["All", "F"]))
campaigns = st.builds(
    campaign,
    st.sampled_from(IDS),
    cpc_nanos=st.integers(0, 3),
    cpa_nanos=st.sampled_from([0, 15]),
    targeting=st.one_of(broad, targetings),
    window=st.tuples(st.integers(0, 40), st.integers(1, 60)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    status=st.sampled_from([Status.ACTIVE] * 6 + [Status.STOPPED, Status.EXHAUSTED]),
    spent_nanos=st.sampled_from([0, 0, 0, 500, 600]),
    slot_budget_nanos=st.sampled_from([100, 100, 100, 0]),
)
requests = st.builds(
    Request,
    age=st.one_of(st.none(), st.integers(0, 127)),
    gender=st.sampled_from(["", "F", "f ", "M"]),
    income_bucket=st.sampled_from(["", "L", "H", "M"]),
    city=st.sampled_from(["", "Nowhere", *CITIES]),
    state=st.sampled_from(["", "All", "bihar", "Goa"]),
    country=st.sampled_from(["", "India", "Nepal"]),
    device_type=st.sampled_from(["", *DEVICES]),
)
steps = st.lists(st.tuples(INSTANTS, st.lists(campaigns, max_size=12), st.lists(requests, max_size=4)), max_size=6)


def assert_agrees(index: Index, store: Sequence[Campaign], request: Request, now_us: int, ad_count: int) -> None:
    """Compares with a scan of every campaign: the same bids in the same order, of campaigns that match."""
    live = [one for one in store if is_live(one, now_us)]
    eligible = {one.campaign_id: one for one in live if reaches(one.targeting, request)}
    ads, next_bid_key = index.shortlist(request, now_us, ad_count, random.Random(1).random)
    keys = sorted((15 * one.cpc_nanos + one.cpa_nanos for one in eligible.values()), reverse=True)
    assert [ad.bid_key for ad in ads] == keys[:ad_count]
    assert next_bid_key == (keys[ad_count] if len(keys) > ad_count else 0)
    assert len({ad.campaign_id for ad in ads}) == len(ads)
    for ad in ads:
        stored = eligible[ad.campaign_id]
        assert (ad.cpc_nanos, ad.cpa_nanos, ad.targeting) == (stored.cpc_nanos, stored.cpa_nanos, stored.targeting)
        assert (ad.start_us, ad.end_us) == (stored.window.start_us, stored.window.end_us)
    assert index.any_live(now_us) is bool(live)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(campaigns, max_size=24, unique_by=lambda one: one.campaign_id),
    steps,
    st.integers(1, 5),
    st.integers(1, 10),
)
def test_index_agrees_with_a_scan(
    first: list[Campaign],
    then: list[tuple[int, list[Campaign], list[Request]]],
    chunk_size: int,
    ad_count: int,
) -> None:
    store = {one.campaign_id: one for one in first}
    now_us = 0
    index = Index.build(first, now_us, chunk_size)
    for later_us, changes, asked in [(0, [], [Request()]), *then]:
        now_us += later_us // 4
        index.apply(changes, now_us)
        store.update({one.campaign_id: one for one in changes})
        for request in asked:
            assert_agrees(index, list(store.values()), request, now_us, ad_count)
        now_us += later_us // 8
        for request in asked:
            assert_agrees(index, list(store.values()), request, now_us, 1)
