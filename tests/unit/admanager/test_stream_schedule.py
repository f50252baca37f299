"""When commands are due, and windows moved along with them."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from admanager.stream import StreamCommand, Timed, due, rebase, schedule
from admanager.stream.window import read_window

UUID_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
T0 = datetime(2025, 9, 12, 5, 15, 51, 597063, tzinfo=UTC)
TIMES = {"start": "5:00:00", "end": "6:00:00"}
WINDOW = "2025-09-12 5:00:00 2025-09-13 0:00:00"
AT = datetime(2026, 3, 1, 23, 59, 59, 900000, tzinfo=UTC)


def us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def campaign(seconds: float, node: int = 1) -> str:
    ticks = (T0 + timedelta(seconds=seconds) - UUID_EPOCH) // timedelta(microseconds=1) * 10
    return str(uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48, 0, 0, node), version=1))


def command(action: str, campaign_id: str, window: str | None = WINDOW) -> StreamCommand:
    fields: dict[str, object] = {"campaign_id": campaign_id, "action": f"{action} Campaign", "cpc": "0.1"}
    if window:
        start_date, start_time, end_date, end_time = window.split()
        fields["date_range"] = {"start": start_date, "end": end_date}
        fields["time_range"] = {"start": start_time, "end": end_time}
    return StreamCommand(1, fields, b"raw")


def seconds(timed: Iterable[Timed], since: datetime) -> list[float]:
    return [(one.time_us - us(since)) / 1e6 for one in timed]


def window_of(timed: Timed) -> str:
    fields: Any = timed.command.fields
    return " ".join(fields[part][edge] for edge in ("start", "end") for part in ("date_range", "time_range"))


A, B = campaign(0), campaign(100)
STREAM = [command("Stop", "x"), command("New", A), command("Update", A), command("New", B), command("Stop", A)]


def test_own_times_are_those_of_the_new_before() -> None:
    assert seconds(schedule(STREAM), T0) == [0, 0, 0, 100, 100]


def test_a_new_without_a_time_in_its_id_has_the_one_before() -> None:
    strange = [command("New", one) for one in ("plain", str(uuid.UUID(int=5, version=4)))]
    junk = StreamCommand(1, None, b"{")
    assert seconds(schedule([STREAM[1], *strange, junk, STREAM[3]]), T0) == [0, 0, 0, 0, 100]
    assert [timed.time_us for timed in schedule([*strange, junk])] == [0, 0, 0]
    assert list(schedule([])) == []


def test_due_times_follow_own_times_at_a_speed() -> None:
    assert seconds(due(STREAM, us(AT)), AT) == [0, 0, 0, 0, 0]
    assert seconds(due(STREAM, us(AT), 10), AT) == [0, 0, 0, 10, 10]
    assert seconds(due(STREAM, us(AT), 0.5), AT) == [0, 0, 0, 200, 200]
    for speed in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="speed must be above 0"):
            list(due(STREAM, us(AT), speed))


def test_windows_start_floored_when_the_campaign_s_first_command_is_due_and_keep_their_length() -> None:
    assert [window_of(timed) for timed in rebase(STREAM, us(AT), 10)] == [
        "2026-03-01 23:59:59 2026-03-02 18:59:59",
        "2026-03-01 23:59:59 2026-03-02 18:59:59",
        "2026-03-01 23:59:59 2026-03-02 18:59:59",
        "2026-03-02 0:00:09 2026-03-02 19:00:09",
        "2026-03-01 23:59:59 2026-03-02 18:59:59",
    ]


def test_every_command_of_a_campaign_moves_by_the_same_span() -> None:
    stream = [
        command("New", A, None),
        command("New", B, None),
        command("Update", A, "2025-09-12 9:00:00 2025-09-12 10:00:00"),
        command("Update", A, "2025-09-12 9:00:00 2025-09-12 12:30:05"),
        command("Update", A, "2025-09-12 8:00:00 2025-09-12 12:00:00"),
    ]
    moved = list(rebase(stream, us(AT), 10))
    assert [window_of(timed) for timed in moved[2:]] == [
        "2026-03-01 23:59:59 2026-03-02 0:59:59",
        "2026-03-01 23:59:59 2026-03-02 3:30:04",
        "2026-03-01 22:59:59 2026-03-02 2:59:59",
    ]


def test_only_the_window_changes() -> None:
    (moved,) = rebase([STREAM[1]], us(AT))
    before, after = dict(STREAM[1].fields or {}), dict(moved.command.fields or {})
    for fields in (before, after):
        del fields["date_range"], fields["time_range"]
    assert before == after
    assert b"2026-03-01" in moved.command.value()
    assert [STREAM[1].fields] == [command("New", A).fields]  # and not in place


@pytest.mark.parametrize(
    "fields",
    [
        None,
        {},
        {"date_range": "soon", "time_range": TIMES},
        {"date_range": {"start": "2025-02-30", "end": "2025-03-01"}, "time_range": TIMES},
        {"date_range": {"start": "2025-02-03", "end": "2025-03-01"}, "time_range": TIMES | {"start": "25:00:00"}},
        {"date_range": {"start": "2025-02-03"}, "time_range": TIMES},
        {"date_range": {"start": 5, "end": "2025-03-01"}, "time_range": TIMES},
        {"date_range": {"start": "0001-01-01", "end": "9999-12-31"}, "time_range": TIMES},
    ],
)
def test_a_command_without_a_window_that_can_be_read_stays_as_it_is(fields: dict[str, object] | None) -> None:
    strange = StreamCommand(7, fields and {"campaign_id": A, **fields}, b"raw")
    assert [timed.command for timed in rebase([strange], us(AT))] == [strange]


def test_commands_without_a_campaign_share_no_span() -> None:
    one, other = command("New", ""), command("New", "")
    assert [timed.command for timed in rebase([one, other], us(AT))] == [one, other]


def test_the_text_is_meant_in_the_time_zone() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    (moved,) = rebase([STREAM[1]], us(AT), zone=zone)
    assert window_of(moved) == "2026-03-02 5:29:59 2026-03-03 0:29:59"
    window = read_window(moved.command.fields or {}, zone)
    assert window is not None
    assert (window.start, window.end - window.start) == (AT.replace(microsecond=0), timedelta(hours=19))


def test_a_length_holds_across_a_clock_change() -> None:
    zone = ZoneInfo("Europe/Berlin")  # in the night of 2026-03-29 02:00 becomes 03:00
    (moved,) = rebase([STREAM[1]], us(datetime(2026, 3, 28, 20, 0, tzinfo=UTC)), zone=zone)
    assert window_of(moved) == "2026-03-28 21:00:00 2026-03-29 17:00:00"


def test_same_stream_same_time_same_bytes() -> None:
    first, second = ([(one.time_us, one.command.value()) for one in rebase(STREAM, us(AT), 3)] for _ in range(2))
    assert first == second
