import socket
from pathlib import Path
from random import Random

from stack.local import ports


def test_ports_are_chosen_once_and_kept(tmp_path: Path) -> None:
    first = ports.keep(tmp_path / "ports.json", ["client", "controller"], Random(1))
    again = ports.keep(tmp_path / "ports.json", ["client", "controller"], Random(2))
    assert first == again == ports.load(tmp_path / "ports.json")
    assert first["client"] != first["controller"]


def test_a_port_that_another_program_has_is_chosen_anew_and_the_others_stay(tmp_path: Path) -> None:
    kept = ports.keep(tmp_path / "ports.json", ["client", "controller"], Random(1))
    with socket.create_server((ports.HOST, kept["client"])):
        changed = ports.keep(tmp_path / "ports.json", ["client", "controller"], Random(1))
    assert changed["client"] != kept["client"]
    assert changed["controller"] == kept["controller"]
    assert ports.load(tmp_path / "ports.json") == changed


def test_a_choice_is_outside_the_range_of_outgoing_connections(tmp_path: Path) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for seed in range(20):
        chosen = ports.keep(tmp_path / f"{seed}.json", ["client"], Random(seed))
        assert 1024 < chosen["client"] < lowest


def test_listening_means_that_someone_accepts() -> None:
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        assert ports.listening(port)
        assert not ports.free(port)
    assert not ports.listening(port)
    assert ports.free(port)
