from itertools import islice, product

from stack.chaos.faults import Kind, faults

TARGETS = ["adserver", "kafka", "mariadb"]


def test_in_each_round_every_target_meets_each_kind_once() -> None:
    size = len(TARGETS) * len(Kind)
    found = [(fault.target, fault.kind) for fault in islice(faults(TARGETS, seed=1), 3 * size)]
    for start in range(0, 3 * size, size):
        assert sorted(found[start : start + size]) == sorted(product(TARGETS, Kind))
    assert found[:size] != found[size : 2 * size]


def test_a_seed_decides_everything() -> None:
    one, again, other = (list(islice(faults(TARGETS, seed), 20)) for seed in (1, 1, 2))
    assert one == again != other


def test_only_a_pause_lasts() -> None:
    for fault in islice(faults(TARGETS, seed=3), 100):
        assert (fault.pause_s > 0) == (fault.kind is Kind.PAUSE)
