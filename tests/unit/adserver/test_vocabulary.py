"""Targetings' codes, and which of them a request's words get through."""

from random import Random

import numpy as np
from auction_campaigns import campaign, reaches
from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.index import Index
from adserver.request import Request
from adserver.vocabulary import Vocabulary
from marketplace.campaign import Status, Targeting

NAMES = st.sampled_from(["All", "a", "A ", "b", "c"])
AGES = st.integers(0, 140)
TARGETINGS = st.builds(
    Targeting, gender=NAMES, age_start=AGES, age_end=AGES, city=NAMES, state=NAMES, country=NAMES,
    income_bucket=NAMES, device=NAMES,
)  # fmt: skip
SAID = st.sampled_from(["", "all", "a", "B", "d"])
REQUESTS = st.builds(
    Request, st.one_of(st.none(), st.integers(0, 127)), SAID, SAID, SAID, SAID, SAID, SAID
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(TARGETINGS, min_size=1, max_size=80), st.lists(REQUESTS, min_size=1, max_size=5))
def test_a_request_gets_through_to_whom_it_should(targetings: list[Targeting], requests: list[Request]) -> None:
    vocabulary = Vocabulary()
    for targeting in targetings:
        code = vocabulary.hold(targeting)
        for request in requests:
            kinds = vocabulary.kinds(*vocabulary.groups(request))
            assert bool(kinds >> code & 1) is reaches(targeting, request), (targeting, request)
    codes = np.arange(len(vocabulary.targetings))
    for request in requests:
        flags = np.ones(len(codes), np.bool_)
        for group in vocabulary.groups(request):
            for row, value in group.terms:
                low, high = vocabulary.bounds(row, codes)
                flags &= (low <= value) & (value <= high)
        assert flags.tolist() == [reaches(targeting, request) for targeting in vocabulary.targetings]


def test_a_code_is_given_again_when_all_have_released_it() -> None:
    vocabulary = Vocabulary()
    pune, delhi = Targeting(city="Pune"), Targeting(city="Delhi")
    code = vocabulary.hold(pune)
    assert vocabulary.hold(pune) == code
    vocabulary.release(code)
    assert vocabulary.hold(delhi) != code
    vocabulary.release(code)
    assert vocabulary.hold(Targeting(city="Surat")) == code
    assert vocabulary.hold(pune) != code


def test_spellings_are_remembered_up_to_a_bound() -> None:
    vocabulary = Vocabulary()
    vocabulary.hold(Targeting(city="Pune"))
    for n in range(10_000):
        place, _ = vocabulary.groups(Request(city=f"{n}", device_type="x" * n))
        assert not vocabulary.kinds(place)
        assert vocabulary.groups(Request(city=" PUNE"))[0] is vocabulary.groups(Request(city="pune"))[0]
    assert len(vocabulary._places) <= 4_096


def test_targetings_of_campaigns_that_are_gone_take_no_room() -> None:
    index, rng = Index.build([], 0), Random(1)
    for n in range(2_000):
        narrow = Targeting(age_start=rng.randrange(100), age_end=rng.randrange(100), gender="F" if n % 2 else "M")
        index.apply([campaign(f"{n}", targeting=Targeting(city=f"{n}")), campaign(f"{n}", targeting=narrow)], 0)
        index.apply([campaign(f"{n - 10}", status=Status.STOPPED)], 0)
    assert len(index) == 10
    assert len(index._table.vocabulary.targetings) <= 12
