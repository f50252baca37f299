"""Killed after each numbered step of its commit order, the writer loses nothing and lands nothing twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from writer_cases import TEN_O_CLOCK_US, Desk

from marketplace.ports import SERVED_ADS, USER_FEEDBACK
from writer.loop import GROUP

STEPS = range(1, 7)


def kill_after(step: int, folder: Path, topic: str) -> None:
    script = Path(__file__).with_name("dying_writer.py")
    done = subprocess.run([sys.executable, script, folder, topic, str(step)], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def committed(desk: Desk, topic: str) -> dict[int, int]:
    """Returns what a new member of the group would be told."""

    class Ask:
        def assigned(self, partitions, committed):
            self.committed = dict(committed)
            return {partition: bounds.end for partition, bounds in partitions.items()}

        def revoked(self, partitions):
            pass

    ask = Ask()
    consumer = desk.log.consumer(topic, GROUP, ask)
    consumer.poll(1, 0.0)
    consumer.close()
    return ask.committed


@pytest.mark.parametrize("step", STEPS)
def test_feedback_survives_a_kill(tmp_path, step):
    desk = Desk(tmp_path)
    desk.publish([*range(1, 8), 6, 7, *range(8, 16)])  # 17 records, two of them sent again: two files

    kill_after(step, tmp_path, USER_FEEDBACK)

    published = step >= 5
    assert desk.seqs() == (list(range(1, 9)) if published else [])
    assert desk.ranges() == ({0: [0, 10]} if published else {})
    assert committed(desk, USER_FEEDBACK) == ({0: 10} if step == 6 else {})
    assert bool(list(tmp_path.rglob("_aside-*"))) == (step in (3, 4))

    desk.land_all()
    assert desk.seqs() == list(range(1, 16))
    assert desk.ranges()[0] == [0, 10, 17]


@pytest.mark.parametrize("step", STEPS)
def test_serves_survive_a_kill(tmp_path, step):
    desk = Desk(tmp_path)
    desk.publish_serves([range(100 * batch, 100 * batch + 3) for batch in range(12)])

    kill_after(step, tmp_path, SERVED_ADS)
    assert desk.ranges(SERVED_ADS) == ({0: [0, 10]} if step >= 5 else {})

    desk.land_all(SERVED_ADS)
    ids = [int(row["request_id"][-12:]) for row in desk.rows("served_ads")]
    assert sorted(ids) == [100 * batch + number for batch in range(12) for number in range(3)]


def test_killed_again_and_again_while_events_arrive(tmp_path):
    desk = Desk(tmp_path, partitions=2)
    sent = 0
    for step in STEPS:
        desk.now_us = TEN_O_CLOCK_US + step * 1_800_000_000
        for campaign_id in ("a", "b", "d"):
            desk.publish([*range(max(1, sent - 2), sent + 9)], campaign_id)  # the last three came already
        sent += 8
        kill_after(step, tmp_path, USER_FEEDBACK)
        desk.ranges()
    desk.land_all()
    for campaign_id in ("a", "b", "d"):
        assert desk.seqs(campaign_id) == list(range(1, sent + 1))
