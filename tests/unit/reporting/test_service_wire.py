"""Messages of the topics as the reporting service reads them, and its answers as it writes them."""

from adplatform.v1 import events_pb2

from marketplace.ports import SERVED_ADS, Record
from marketplace.wire import encode_country
from reporting.service.course import Step
from reporting.service.sample import PER_MILLION, Sample
from reporting.service.share import Share
from reporting.service.views import Series
from reporting.service.views_wire import series_to_proto
from reporting.service.wins import Wins
from reporting.service.wire import seen_serves

NOW_US = 1_790_848_800_000_000


def served(user_id: str, served_at_us: int, campaign_id: str, country: str = "") -> events_pb2.ServedAd:
    winner = events_pb2.WinningCampaign(campaign_id=campaign_id, bid_cpm_nanos=9)
    made = events_pb2.ServedAd(user_id=user_id, served_at_us=served_at_us, city="Pune", campaign=winner)
    return events_pb2.ServedAd.FromString(made.SerializeToString() + encode_country(country))


def record(*ads: events_pb2.ServedAd) -> Record:
    value = events_pb2.ServedAdBatch(served_ads=ads).SerializeToString()
    return Record(SERVED_ADS, 0, 0, NOW_US, None, value)


def test_ads_of_one_request_are_sampled_together_or_not_at_all() -> None:
    requests = [[served(f"u{n}", NOW_US + n, campaign_id) for campaign_id in "abc"] for n in range(1_000)]
    records = [record(*(ad for request in requests[start::2] for ad in request)) for start in (0, 1)]
    seen, sampled = seen_serves(records, Sample(PER_MILLION // 10, 1_000))
    assert sum(each.ads for each in seen) == 3_000
    auctions: dict[tuple[int, int], str] = {}
    for ad in sampled:
        key = (ad.served_at_us, ad.auction)
        auctions[key] = auctions.get(key, "") + ad.campaign_id
    assert 60 < len(auctions) < 140
    assert set(auctions.values()) == {"abc"}


def test_what_is_sampled_of_an_ad() -> None:
    asked = record(served("u", NOW_US, "a", "India"), served("u", NOW_US, "b"), served("v", NOW_US, "c"))
    _, (first, second, other) = seen_serves([asked], Sample(PER_MILLION, 10))
    assert (first.campaign_id, first.city, first.country, first.age, first.bid_cpm_nanos) == (
        "a",
        "Pune",
        "India",
        None,
        9,
    )
    assert (second.country, second.auction, second.auction == other.auction) == ("", first.auction, False)


def series(wins_since_us: int | None) -> Series:
    steps = [Step(NOW_US, views=3, bids_nanos=20, prices_nanos=10, priced=2), Step(NOW_US + 60_000_000)]
    return Series(60_000_000, steps, {NOW_US: Wins(4, 2, 14)}, wins_since_us, True, 7)


def test_a_series_as_it_is_answered() -> None:
    answer = series_to_proto(series(None), Share(), 10_000)
    assert (answer.step_seconds, answer.complete, answer.charged_before_nanos) == (60, True, 7)
    assert [(point.wins, point.views, point.bid_cpm_nanos, point.clearing_cpm_nanos) for point in answer.points] == [
        (4, 3, 10, 5),
        (0, 0, 0, 0),
    ]
    assert [point.won_cpm_nanos for point in answer.points] == [7, 0]
    assert not answer.HasField("wins_start_time") and not answer.HasField("auctions")

    share = Share(sampled=9, auctions=8, entered=5, won=2, winning_bid_cpm_nanos=3, since_us=NOW_US - 1_000_000)
    answer = series_to_proto(series(NOW_US), share, 10_000)
    assert answer.wins_start_time.ToMicroseconds() == NOW_US
    assert answer.auctions.start_time.ToMicroseconds() == NOW_US - 1_000_000
    found = answer.auctions
    assert (found.sampled_ads, found.sampled_auctions, found.entered, found.won) == (9, 8, 5, 2)
    assert (found.winning_bid_cpm_nanos, found.sampled_per_million) == (3, 10_000)
