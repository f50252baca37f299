"""One server through all that can happen to it. MariaDB where any of the three would do: it starts in moments."""

import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from os import kill
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mysql.connector
import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from stack.local import Kafka, MariaDB, Places, Running, Server, StackError, throwaway
from stack.local.ports import HOST, free

pytestmark = pytest.mark.mesh


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a MariaDB that never ran: making one takes seconds, copying it does not."""
    server = MariaDB(tmp_path_factory.mktemp("empty"), Places.of().cache)
    server.home.mkdir()
    server.prepare(server.fetch())
    return server.data


@pytest.fixture
def mariadb(tmp_path: Path, empty: Path) -> Iterator[MariaDB]:
    server = MariaDB(tmp_path / "a folder", Places.of().cache)
    shutil.copytree(empty, server.data)
    yield server
    server.kill()


def sql(server: MariaDB, *statements: str) -> list[Any]:
    url = urlsplit(server.url())
    login = {"host": url.hostname, "port": url.port, "user": url.username, "password": url.password}
    with closing(mysql.connector.connect(**login, database=url.path[1:], ssl_disabled=True)) as connection:
        cursor = connection.cursor()
        rows: list[Any] = []
        for statement in statements:
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.with_rows else []
        connection.commit()
        return rows


def test_what_was_committed_outlives_a_kill_on_the_same_port(mariadb: MariaDB) -> None:
    first = mariadb.start()
    sql(mariadb, "CREATE TABLE t (n INT)", "INSERT INTO t VALUES (7)")
    mariadb.kill()
    assert mariadb.running() is None
    second = mariadb.start()
    assert second.url == first.url
    assert second.pid != first.pid
    assert sql(mariadb, "SELECT n FROM t") == [(7,)]


def test_a_start_takes_over_what_runs_and_a_stop_ends_it(mariadb: MariaDB) -> None:
    assert mariadb.stop() is False
    assert mariadb.start() == mariadb.start() == mariadb.running()
    assert mariadb.stop() is True
    assert mariadb.running() is None
    assert mariadb.stop() is False
    assert free(mariadb.ports["client"])


def test_two_starts_at_once_make_one_server(mariadb: MariaDB) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(Server.start, [mariadb, MariaDB(mariadb.home.parent, mariadb.cache)])
    assert first == second


def test_a_port_that_was_taken_meanwhile_is_changed(mariadb: MariaDB) -> None:
    first = mariadb.start()
    mariadb.stop()
    with socket.create_server((HOST, mariadb.ports["client"])):
        second = mariadb.start()
    assert second.url != first.url
    assert sql(mariadb, "SELECT 1") == [(1,)]


def test_a_server_that_hangs_is_started_anew(mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    hung = mariadb.start()
    kill(hung.pid, signal.SIGSTOP)
    monkeypatch.setattr("stack.local.server._ADOPT_S", 0.5)
    monkeypatch.setattr(MariaDB, "stop_s", 0.5)
    monkeypatch.setattr(MariaDB, "ready_s", 5.0)
    assert mariadb.start().pid != hung.pid


def test_a_pid_that_now_means_a_stranger_is_left_alone(mariadb: MariaDB, tmp_path: Path) -> None:
    stranger = MariaDB(tmp_path / "stranger", mariadb.cache)
    try:
        running = stranger.start()
        pid_file = (stranger.home / "pid").read_text()
        start_ticks = pid_file.split()[22]
        (mariadb.home / "pid").write_text(pid_file.replace(start_ticks, str(int(start_ticks) - 1)))
        mariadb.stop()
        mariadb.kill()
        assert stranger.running() == running
    finally:
        stranger.kill()


def test_what_the_server_says_when_it_cannot_start_is_told(mariadb: MariaDB) -> None:
    mariadb.start()
    mariadb.stop()
    (mariadb.data / "ibdata1").write_text("no tablespace")
    with pytest.raises(StackError, match=r"mariadb does not start; .* ends with: .*") as told:
        mariadb.start()
    assert "\n" not in str(told.value)
    assert mariadb.running() is None


def test_only_the_platforms_own_user_gets_in_and_its_password_is_on_no_command_line(mariadb: MariaDB) -> None:
    running = mariadb.start()
    password = urlsplit(running.url).password
    assert password
    assert password.encode() not in Path(f"/proc/{running.pid}/cmdline").read_bytes()
    assert sql(mariadb, "SELECT @@innodb_flush_log_at_trx_commit, @@time_zone") == [(1, "+00:00")]
    assert sql(mariadb, "SELECT @@collation_database, @@bind_address") == [("utf8mb4_bin", HOST)]
    for user, wrong in (("root", ""), ("", ""), ("adplatform", "guess")):
        with pytest.raises(mysql.connector.Error, match="Access denied"):
            mysql.connector.connect(host=HOST, port=mariadb.ports["client"], user=user, password=wrong)


def test_kafka_keeps_its_topics_over_a_kill_and_a_change_of_ports() -> None:
    with throwaway(Kafka) as kafka:
        with closing(_admin(kafka.start())) as admin:
            admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
        kafka.kill()
        first = dict(kafka.ports)
        began = time.monotonic()
        with (
            socket.create_server((HOST, first["client"])),
            socket.create_server((HOST, first["controller"])),
            closing(_admin(kafka.start())) as admin,
        ):
            assert "kept" in admin.list_topics()
        assert time.monotonic() - began < 20
        assert not set(first.values()) & set(kafka.ports.values())


def test_a_throwaway_is_another_server_and_leaves_nothing(mariadb: MariaDB) -> None:
    mariadb.start()
    with throwaway(MariaDB) as other:
        running = other.running()
        assert running
        assert running != mariadb.running()
        assert sql(other, "SHOW TABLES") == []
    assert not other.home.parent.exists()
    assert not Path(f"/proc/{running.pid}").exists()
    assert mariadb.running()


def _admin(running: Running) -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=urlsplit(running.url).netloc)
