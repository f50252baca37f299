"""Numbers by campaign id, for ids that came in bulk and for those that came later."""

from hypothesis import given, settings
from hypothesis import strategies as st

from adserver.ids import CampaignIds

NAMES = st.text("abc", min_size=1, max_size=3)


@settings(deadline=None)
@given(st.lists(NAMES, unique=True), st.lists(st.tuples(st.booleans(), NAMES)))
def test_ids_are_found_as_in_a_dict(bulk: list[str], changes: list[tuple[bool, str]]) -> None:
    ids = CampaignIds(list(bulk))
    expected = {name: number for number, name in enumerate(bulk)}
    free: list[int] = []
    for comes, name in changes:
        if comes and name not in expected:
            expected[name] = free.pop(0) if free else len(ids.by_number)
            ids.set(expected[name], name)
        elif not comes and name in expected:
            ids.drop(expected[name])
            free.append(expected.pop(name))
        assert ids.find(name) == expected.get(name)
    assert all(ids.find(name) == number for name, number in expected.items())
    assert {number: name for number, name in enumerate(ids.by_number) if name} == {
        number: name for name, number in expected.items()
    }


class Colliding(str):
    """A text that has the same hash as any other of its kind."""

    def __hash__(self) -> int:
        return 7


def test_ids_of_one_hash_are_told_apart() -> None:
    ids = CampaignIds([Colliding(f"{n}") for n in range(10)])
    assert [ids.find(Colliding(f"{n}")) for n in range(11)] == [*range(10), None]


def test_nothing_is_found_where_nothing_is() -> None:
    assert CampaignIds().find("a") is None
