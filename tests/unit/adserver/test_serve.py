"""What a serve leaves behind: the answer, the sealed receipt, the record for the statistics."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from adplatform.v1 import events_pb2
from adplatform.v1.events_pb2 import ServedAd
from auction_campaigns import campaign

from adserver.index import Index
from adserver.profiles import Profiles
from adserver.records import ServeRecords
from adserver.serve import AdRequest, AdService, ServedAdvert
from marketplace.campaign import Campaign, Targeting
from marketplace.receipt import KeyRing, new_key
from marketplace.serve import Serve, Viewer, Winner
from marketplace.wire import serve_from_proto

NOW_US = 5_000
RING = KeyRing([new_key(0)])
REQUEST_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
REQUEST = AdRequest("anna", "iPhone", "Pune", "Maharashtra", "India", 2)


class Publisher:
    """Refuses to be used: nothing of a serve waits for the topic."""

    def publish(self, topic: str, messages: Sequence[Any]) -> None:
        raise AssertionError

    def close(self) -> None:
        raise AssertionError


def service(campaigns: list[Campaign], profiles: Profiles | None = None) -> AdService:
    name, draw = UUID(REQUEST_ID).bytes, random.Random(1).random
    made = AdService(RING, ServeRecords(Publisher(), 100), lambda: NOW_US, lambda: name, draw)
    made.index = Index.build(campaigns, NOW_US)
    made.profiles = Profiles([("anna", 30, "F", "H")]) if profiles is None else profiles
    return made


def opened(advert: ServedAdvert) -> Serve:
    return serve_from_proto(ServedAd.FromString(RING.open(advert.receipt)))


def test_the_country_goes_to_the_statistics_and_into_no_receipt() -> None:
    made = service([campaign("c")])
    taken: list[bytes] = []
    made._records.add = taken.append  # type: ignore[method-assign]
    (advert,) = made.serve(REQUEST)
    record = events_pb2.ServedAd.FromString(taken[0])
    assert record.country == REQUEST.country != ""
    record.ClearField("country")
    assert record == events_pb2.ServedAd.FromString(RING.open(advert.receipt))


def test_the_receipt_holds_all_that_was_seen_in_the_auction() -> None:
    first = campaign("first", cpc_nanos=700_000, targeting=Targeting(age_start=20, age_end=40, city="Pune"))
    second = campaign("second")
    adverts = service([second, first]).serve(REQUEST)
    assert [(name, ad.campaign_id, ad.text, ad.category) for name, ad, _ in adverts] == [
        (REQUEST_ID, one.campaign_id, one.text, one.category) for one in (first, second)
    ]
    viewer = Viewer(
        user_id="anna", age=30, gender="F", income_bucket="H", city="Pune", state="Maharashtra", device_type="iPhone"
    )
    own, clearing = 15 * 700_000 + 52_900_000, 15 * 660_000 + 52_900_000
    assert opened(adverts[0]) == Serve(
        request_id=REQUEST_ID,
        served_at_us=NOW_US,
        viewer=viewer,
        winner=Winner.of(first),
        auction_cpm_nanos=clearing // 2_000,
        auction_cpc_nanos=700_000 * clearing // own,
        auction_cpa_nanos=52_900_000 * clearing // own,
    )
    assert opened(adverts[1]).winner == Winner.of(second)


def test_what_is_not_known_of_a_user_is_not_in_the_receipt() -> None:
    (advert, *_) = service([campaign("a")], Profiles()).serve(REQUEST)
    assert opened(advert).viewer == Viewer(user_id="anna", city="Pune", state="Maharashtra", device_type="iPhone")


def test_a_changed_campaign_is_sealed_as_it_is_now() -> None:
    one = campaign("a", targeting=Targeting(city="Pune"))
    serving = service([one])
    for changed in (one, replace(one, category="Books"), replace(one, cpa_nanos=1), replace(one, text="new")):
        assert serving.index
        serving.index.apply([changed], NOW_US)
        (advert,) = serving.serve(REQUEST)
        assert (advert.ad.text, advert.ad.category) == (changed.text, changed.category)
        assert opened(advert).winner == Winner.of(changed)


def test_the_record_is_what_the_receipt_seals() -> None:
    serving = service([campaign("a"), campaign("b")])
    adverts = serving.serve(REQUEST)
    assert [serve_from_proto(ServedAd.FromString(record)) for record in serving._records._waiting] == [
        opened(advert) for advert in adverts
    ]
