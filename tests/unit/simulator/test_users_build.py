"""Built users: all columns, unique ids, same seed same bytes."""

import re
from collections import Counter
from dataclasses import astuple
from itertools import islice
from pathlib import Path

from marketplace.campaign import PRIVACY_USER_ID
from simulator.users import DEVICE_SHARES, Demographics, Preferences, build_users, users_of, write_users_file
from simulator.users.devices import USER_AGENTS
from simulator.users.samples import sample_demographics, sample_preferences
from simulator.users.user import _ID_START, _ID_STRIDE, _IDS

ADVERTISING = [Demographics(31, "F", 120.25, "L"), Demographics(40, "M", 200.0, "M")]
ADS16 = [
    Preferences("F", "her sites", "a", "b", "c", "d", "e", "f"),
    Preferences("M", "his sites", "a", "b", "c", "d", "e", "f"),
    Preferences("", "any sites", "a", "b", "c", "d", "e", "f"),
]


def test_all_fourteen_columns_are_filled_without_a_data_set() -> None:
    users = list(build_users(3_000, seed=1))
    assert len(users) == 3_000
    assert all(value != "" for user in users for value in astuple(user))
    assert {user.gender for user in users} == {"F", "M"}
    assert {user.income_bucket for user in users} == {"L", "M", "H"}
    assert {user.age // 10 for user in users} >= set(range(1, 6))


def test_made_up_people_vary() -> None:
    assert len(set(sample_demographics())) > 1_900
    assert len(set(sample_preferences())) == len(sample_preferences())


def test_ids_are_four_groups_unique_and_never_the_privacy_id() -> None:
    ids = [user.id for user in build_users(70_000, seed=1)]
    assert len(set(ids)) == 70_000
    assert all(re.fullmatch(r"\d{4}-\d{4}-\d{4}-\d{4}", one) for one in ids)
    privacy = int(PRIVACY_USER_ID.replace("-", ""))
    assert (privacy - _ID_START) * pow(_ID_STRIDE, -1, _IDS) % _IDS > 10**12


def test_same_seed_same_file(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_users_file(tmp_path / name, build_users(2_000, seed, ADVERTISING, ADS16))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_devices_come_by_their_shares_with_agents_of_their_own() -> None:
    users = list(build_users(20_000, seed=3))
    devices = Counter(user.device_type for user in users)
    assert set(DEVICE_SHARES) == {"Android Mobile", "Windows Computer", "iPhone", "Linux Computer", "Macbook"}
    assert abs(sum(DEVICE_SHARES.values()) - 1) < 1e-9
    assert all(abs(devices[device] / 20_000 - share) < 0.015 for device, share in DEVICE_SHARES.items())
    assert all(user.user_agent_string in USER_AGENTS[user.device_type] for user in users)
    agents = [agent for pool in USER_AGENTS.values() for agent in pool]
    assert len(set(agents)) == len(agents)


def test_demographics_and_preferences_come_from_the_data_sets() -> None:
    users = list(build_users(500, 1, ADVERTISING, ADS16))
    assert {(user.age, user.gender, user.internet_usage, user.income_bucket) for user in users} == {
        (31, "F", 120.25, "L"),
        (40, "M", 200.0, "M"),
    }
    assert {user.websites for user in users if user.gender == "F"} == {"her sites", "any sites"}
    assert {user.websites for user in users if user.gender == "M"} == {"his sites", "any sites"}


def test_rows_of_advertising_become_users_in_their_order() -> None:
    users = list(users_of(ADVERTISING, seed=1))
    assert [(user.age, user.gender) for user in users] == [(31, "F"), (40, "M")]
    assert [user.id for user in users] == [user.id for user in users_of(ADVERTISING, seed=2)]
    assert all(value != "" for user in users for value in astuple(user))


def test_users_are_made_as_they_are_asked_for() -> None:
    assert len(list(islice(build_users(10**9, seed=1), 3))) == 3
