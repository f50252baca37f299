"""Campaigns and feedback requests for the benches of feedback."""

import random
import time
import uuid
from collections.abc import Iterator, Sequence

from adplatform.v1 import feedback_handler_pb2 as pb
from sqlalchemy import Engine
from uuid6 import uuid7

from marketplace.bids import bid_key, cpm_nanos
from marketplace.campaign import Campaign, Targeting, Window
from marketplace.feedback import Action
from marketplace.receipt import KeyRing
from marketplace.runtime.store.rows import insert_rows, row_of, stamp_changes
from marketplace.runtime.store.schema import ads
from marketplace.runtime.store.transactions import write_transaction
from marketplace.serve import Serve, Viewer, Winner
from marketplace.wire import encode_serve

DAY_US = 24 * 3_600 * 1_000_000
CITIES = ("Mumbai", "Delhi", "Bangalore", "Kolkata", "Chennai", "Hyderabad")
_STATE = "Maharashtra"


def make_campaigns(count: int, seed: int = 1) -> list[Campaign]:
    """Makes campaigns whose budgets outlast any bench, in ids and texts as long as a real stream's."""
    rng, now_us = random.Random(seed), time.time_ns() // 1_000
    return [
        Campaign(
            campaign_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            account="default",
            text=f"{number:>095}",
            category=f"category {number % 40}",
            keywords="tin,robot",
            targeting=Targeting(
                age_start=20, age_end=45, city=rng.choice(CITIES), state="Maharashtra", country="India"
            ),
            window=Window(now_us - DAY_US, now_us + DAY_US),
            cpc_nanos=rng.randint(10, 150) * 10_000,
            cpa_nanos=rng.randint(20, 600) * 100_000,
            budget_nanos=10**15,
            highest_budget_nanos=10**15,
            slot_budget_nanos=10**13,
        )
        for number in range(count)
    ]


def put_campaigns(engine: Engine, campaigns: Sequence[Campaign]) -> None:
    """Stores campaigns without commands."""
    with write_transaction(engine) as connection:
        insert_rows(connection, ads, [row_of(one) for one in campaigns])
        stamp_changes(connection, [one.campaign_id for one in campaigns])
        connection.commit()


def make_requests(campaigns: Sequence[Campaign], ring: KeyRing, count: int, seed: int = 2) -> Iterator[bytes]:
    """Makes encoded requests of a stream, numbered from 0: of ten serves all are seen, two clicked on; 1 in 50 buys."""
    rng, now_us = random.Random(seed), time.time_ns() // 1_000
    number = 0
    while True:
        receipt = ring.seal(encode_serve(make_serve(rng, rng.choice(campaigns))), now_us)
        actions = [Action.VIEW]
        if rng.random() < 0.2:
            actions.append(Action.CLICK)
        if rng.random() < 0.02:
            actions.append(Action.ACQUISITION)
        for action in actions:
            request = pb.SubmitFeedbackRequest(receipt=receipt, action=action.value)  # type: ignore[arg-type]
            yield pb.StreamFeedbackRequest(sequence=number, request=request).SerializeToString()
            number += 1
            if number == count:
                return


def make_serve(rng: random.Random, campaign: Campaign) -> Serve:
    """Makes a serve of a campaign to some user, now."""
    return Serve(
        request_id=str(uuid7()),
        served_at_us=time.time_ns() // 1_000,
        viewer=Viewer(
            user_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            age=rng.randint(18, 62),
            gender=rng.choice("FM"),
            income_bucket=rng.choice("LMH"),
            city=rng.choice(CITIES),
            state=_STATE,
            device_type="Android Mobile",
        ),
        winner=Winner.of(campaign),
        auction_cpm_nanos=cpm_nanos(bid_key(campaign.cpc_nanos, campaign.cpa_nanos)),
        auction_cpc_nanos=campaign.cpc_nanos - 1_000,
        auction_cpa_nanos=campaign.cpa_nanos - 1_000,
    )
