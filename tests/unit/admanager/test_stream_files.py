"""Command files: nothing lost, nothing judged, each command with its line."""

import json
from pathlib import Path

import pytest

from admanager.stream import StreamCommand, clean_keywords, read_commands, write_jsonl
from admanager.stream.command import COLUMNS, Fields, parse_range
from marketplace.datafiles import DataFileError

ROW = (
    'A "pan", red,Home & Kitchen,"home,kitchen",c1,New Campaign,All,{age},All,All,India,All,All,0.00066,0.0529,500,'
    "{dates},{times}"
)
RANGES = {
    "age": "\"{'start': '20', 'end': '45'}\"",
    "dates": '"{""start"": ""2025-09-12"", ""end"": ""2025-09-13""}"',
    "times": "\"{'start': '5:00:00', 'end': '0:00:00'}\"",
}


def row(text: str = "A pan", campaign: str = "c1", **ranges: str) -> str:
    line = ROW.format(**(RANGES | ranges)).replace(",c1,", f",{campaign},")
    return line.replace('A "pan", red', '"' + text.replace('"', '""') + '"')


def read(path: Path, content: str | bytes) -> list[StreamCommand]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_commands(path))


def test_csv_with_byte_order_mark_crlf_quoted_newlines_and_a_long_field(tmp_path: Path) -> None:
    texts = ['A "pan", red', "two\nlines", "x" * 200_000, "\n    \n", " ग्रीन 😀 "]
    lines = ["\ufeff" + ",".join(COLUMNS), *(row(text) for text in texts), "", row("last")]
    commands = read(tmp_path / "c.csv", "\r\n".join(lines) + "\r\n")
    assert [command.fields["text"] for command in commands if command.fields] == [*texts, "last"]
    assert [command.line for command in commands] == [2, 3, 5, 6, 9, 11]
    assert tuple(commands[0].fields or ()) == COLUMNS
    assert commands[0].key == b"c1"
    assert json.loads(commands[0].value()) == {
        "text": 'A "pan", red',
        "category": "Home & Kitchen",
        "keywords": "home,kitchen",
        "campaign_id": "c1",
        "action": "New Campaign",
        "target_gender": "All",
        "target_age_range": {"start": "20", "end": "45"},
        "target_city": "All",
        "target_state": "All",
        "target_country": "India",
        "target_income_bucket": "All",
        "target_device": "All",
        "cpc": "0.00066",
        "cpa": "0.0529",
        "budget": "500",
        "date_range": {"start": "2025-09-12", "end": "2025-09-13"},
        "time_range": {"start": "5:00:00", "end": "0:00:00"},
    }


def test_csv_records_of_another_length_come_raw_so_that_they_are_rejected_not_lost(tmp_path: Path) -> None:
    content = 'campaign_id,action,cpc\nc1,"Update, now"\nc2,Stop Campaign,0.1\nc3,Stop Campaign,0.1,more\n'
    commands = read(tmp_path / "c.csv", content)
    assert [command.value() for command in commands] == [
        b'c1,"Update, now"',
        b'{"campaign_id":"c2","action":"Stop Campaign","cpc":"0.1"}',
        b"c3,Stop Campaign,0.1,more",
    ]
    assert [(command.line, command.key) for command in commands] == [(2, None), (3, b"c2"), (4, None)]


def test_json_lines_stay_as_they_are(tmp_path: Path) -> None:
    lines = [
        b'{"campaign_id": "c1", "cpc": 0.000660, "target_age_range": "{\'start\': 20, \'end\': 45}", "more": [1]}',
        b'{"campaign_id": "c2", "text": "caf\xc3\xa9 \\ud83d"}',
        b'{"campaign_id": "c3", "budget": NaN}',
    ]
    commands = read(tmp_path / "c.jsonl", b"\xef\xbb\xbf" + b"\r\n".join([lines[0], b"", *lines[1:]]))
    assert [command.value() for command in commands] == lines
    assert [command.line for command in commands] == [1, 3, 4]
    assert [command.key for command in commands] == [b"c1", b"c2", b"c3"]
    assert commands[0].fields == {
        "campaign_id": "c1",
        "cpc": "0.000660",
        "target_age_range": {"start": 20, "end": 45},
        "more": [1],
    }


@pytest.mark.parametrize(
    "line",
    [
        b'{"campaign_id": "c1"',
        b"[1, 2]",
        b'"text"',
        b"not json",
        b'{"text": "\xff"}',
        b"[" * 100_000,
        b'{"budget": ' + b"9" * 5_000 + b"}",
    ],
)
def test_lines_that_are_no_command_go_on_as_raw_bytes(tmp_path: Path, line: bytes) -> None:
    bad = read(tmp_path / "c.jsonl", b'{"campaign_id": "c0"}\n' + line + b'\n{"campaign_id": "c2"}\n')[1]
    assert (bad.line, bad.fields, bad.key, bad.value()) == (2, None, None, line)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20-45",
        "{'start': '20'",
        "['20', '45']",
        "{'start': b'20', 'end': '45'}",
        "{'start': ('20',), 'end': '45'}",
        "{1.5: '20'}",
        "{'start': " + "[" * 150 + "}",
        "{'start': '" + "2" * 300 + "'}",
        "__import__('os')",
    ],
)
def test_a_range_that_cannot_be_read_stays_text(text: str) -> None:
    assert parse_range(text) == text


def test_a_range_is_read_as_json_or_python_writes_it() -> None:
    expected = {"start": "20", "end": 45}
    for text in ("{'start': '20', 'end': 45}", ' {"start": "20", "end": 45} '):
        assert parse_range(text) == expected
    assert parse_range(expected) == expected
    assert parse_range(None) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("TV,Radio\n1,2\n", "expected a command file .* found the line 'TV,Radio'"),
        ('[{"campaign_id": "c1"}]\n', "expected a command file"),
        ("id|age|gender\n", "expected a command file"),
        ("", "is empty"),
    ],
)
def test_a_wrong_file_is_refused_at_once(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"wrong\.csv: {says}"):
        read_commands(path)


def test_text_that_cannot_be_read_is_reported_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"c\.csv, line 1 or soon after: is not UTF-8"):
        read(tmp_path / "c.csv", b"campaign_id,action\nc1,caf\xe9\n")
    with pytest.raises(DataFileError, match=r"c\.jsonl, line 1: is longer than"):
        read(tmp_path / "c.jsonl", b"{" * 2_000_000)


@pytest.mark.parametrize(
    ("joined", "keywords"),
    [
        ("b,a,b,y,,,t,o,y,s", "baby,toys"),
        (",".join("b,a,b,y,,,t,o,y,s"), "baby,toys"),
        (",".join(",".join("b,a,b,y,,,t,o,y,s")), "baby,toys"),
        ("baby,toys", "baby,toys"),
        ("tv", "tv"),
        ("a", "a"),
        ("", ""),
        (",,,,,", ",,"),
    ],
)
def test_keywords_joined_character_by_character_are_mended(joined: str, keywords: str) -> None:
    assert clean_keywords(joined) == keywords


def test_written_commands_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    commands: list[Fields] = [
        {"campaign_id": "c1", "text": "ü 😀\n"},
        {"campaign_id": "c2", "date_range": {"start": "x"}},
    ]
    told: list[tuple[int, int | None]] = []
    assert write_jsonl(path, commands, lambda done, of: told.append((done, of))) == 2
    assert [command.fields for command in read_commands(path)] == commands
    assert told == [(2, 2)]
    assert "ü 😀" in path.read_text(encoding="utf-8")
