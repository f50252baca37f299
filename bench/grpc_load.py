"""A load client that costs next to nothing: `python -m bench.grpc_load ADDRESS METHOD FILE --rate 3000`.

It shares two cores with the servers, so it speaks no more of gRPC than a load needs: requests are made beforehand
(FILE holds them encoded, each after its length), one message a frame, answers are told apart by their number. A client
of grpcio takes 60 to 120 us of CPU for each message, this one about 10. The schedule does not wait for answers: the
time of a request begins when it is due. `--unary`: each is a call. `--batch N`: N travel in a message, when the last is
due.
"""

import argparse
import json
import resource
import selectors
import socket
import struct
import sys
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from marketplace.wire import sized_tag, varint

_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 0x1
_END_HEADERS: Final = 0x4
_INITIAL_WINDOW: Final = 4  # a setting
_LARGEST_WINDOW: Final = 2**31 - 1
_FIRST_WINDOW: Final = 65_535
_SEQUENCE_TAG: Final = 1 << 3  # `sequence` in the answers of streams
_ERROR_TAG: Final = sized_tag(3)[0]  # `error` likewise
_REQUESTS_TAG: Final = sized_tag(1)  # `requests` in messages with several
_TICK_S: Final = 0.002
_LAST_ANSWERS_S: Final = 30.0
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Returns an HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Connection:
    """One connection, within the bounds that the server sets; on it one stream, or one for every call."""

    def __init__(self, address: str, method: str, unary: bool, batches: bool) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        settings = struct.pack(">HI", _INITIAL_WINDOW, _LARGEST_WINDOW)
        window = struct.pack(">I", _LARGEST_WINDOW - _FIRST_WINDOW)
        self._unary = unary
        self._batches = batches
        self._head = _head(address, method)
        self._stream = 1
        self._windows = [_FIRST_WINDOW, _FIRST_WINDOW]  # of the connection, of the stream
        self._calls: dict[int, int] = {}
        self._received, self._messages = b"", b""
        start = _PREFACE + frame(_SETTINGS, 0, 0, settings) + frame(_WINDOW, 0, 0, window)
        self._out = bytearray(start if unary else start + frame(_HEADERS, _END_HEADERS, 1, self._head))
        self.socket.sendall(self._out)
        self._out.clear()
        self.socket.setblocking(False)

    def send(self, numbered: Sequence[tuple[int, bytes]]) -> int:
        """Takes as many of these messages as the server lets through; returns how many."""
        taken = 0
        for number, content in numbered:
            message = b"\0" + struct.pack(">I", len(content)) + content
            if min(self._windows) < len(message):
                break
            self._windows[0] -= len(message)
            if self._unary:
                self._out += frame(_HEADERS, _END_HEADERS, self._stream, self._head)
                self._out += frame(_DATA, _END_STREAM, self._stream, message)
                self._calls[self._stream] = number
                self._stream += 2
            else:
                self._windows[1] -= len(message)
                self._out += frame(_DATA, 0, 1, message)
            taken += 1
        self.flush()
        return taken

    def flush(self) -> None:
        """Sends what the socket takes."""
        if self._out:
            with suppress(BlockingIOError):
                del self._out[: self.socket.send(self._out)]

    def answers(self) -> Iterator[tuple[int, bool]]:
        """Reads what has come: the number of each request that is answered, and whether well."""
        try:
            content = self._received + self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        place = 0
        while place + 9 <= len(content):
            head = int.from_bytes(content[place : place + 4], "big")
            size, kind, flags = head >> 8, head & 0xFF, content[place + 4]
            if place + 9 + size > len(content):
                break
            stream = int.from_bytes(content[place + 5 : place + 9], "big")
            payload = content[place + 9 : place + 9 + size]
            place += 9 + size
            if kind == _DATA:
                if self._unary:
                    yield self._calls.pop(stream), True
                else:
                    yield from self._numbers(payload)
            elif kind == _HEADERS and flags & _END_STREAM and stream in self._calls:  # a status and nothing else
                yield self._calls.pop(stream), False
            else:
                self._obey(kind, flags, stream, payload)
        self._received = content[place:]
        self.flush()

    def _numbers(self, payload: bytes) -> Iterator[tuple[int, bool]]:
        content, place = self._messages + payload, 0
        while place + 5 <= len(content):
            end = place + 5 + int.from_bytes(content[place + 1 : place + 5], "big")
            if end > len(content):
                break
            place += 5
            while self._batches and place < end:
                size, place = _varint(content, place + 1)
                yield _outcome(content, place)
                place += size
            if not self._batches:
                yield _outcome(content, place)
            place = end
        self._messages = content[place:]

    def _obey(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _WINDOW:
            self._windows[min(stream, 1)] += int.from_bytes(payload, "big")
        elif kind == _PING and not flags & _ACK:
            self._out += frame(_PING, _ACK, 0, payload)
        elif kind == _SETTINGS and not flags & _ACK:
            for setting, value in struct.iter_unpack(">HI", payload):
                if setting == _INITIAL_WINDOW:
                    self._windows[1] += value - _FIRST_WINDOW
            self._out += frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _GOAWAY or (kind == _RST and any(payload)):
            raise ConnectionError(f"the server ends the stream: frame {kind}, {payload!r}")


def _outcome(content: bytes, place: int) -> tuple[int, bool]:
    """Reads the number of an answer, and whether it is a good one."""
    number = 0
    if content[place] == _SEQUENCE_TAG:  # left out where it is 0
        number, place = _varint(content, place + 1)
    return number, content[place] != _ERROR_TAG


def _varint(content: bytes, place: int) -> tuple[int, int]:
    number, shift = 0, 0
    while (byte := content[place]) & 0x80:
        number |= (byte & 0x7F) << shift
        shift, place = shift + 7, place + 1
    return number | byte << shift, place + 1


def _head(address: str, method: str) -> bytes:
    """Returns the header block of a call: HPACK, each field as it is."""

    def text(value: str) -> bytes:
        assert len(value) < 127
        return bytes([len(value)]) + value.encode()

    indexed = b"\x83\x86"  # POST, http
    named = b"\x04" + text(method) + b"\x01" + text(address) + b"\x0f\x10" + text("application/grpc")
    return indexed + named + b"\x00" + text("te") + text("trailers")


def _messages(numbered: Sequence[tuple[int, bytes]], batch: int) -> list[tuple[int, bytes]]:
    """Packs requests into messages of so many, each with the number of its last; 0: each is a message."""
    if not batch:
        return list(numbered)
    return [
        (some[-1][0], b"".join(_REQUESTS_TAG + varint(len(request)) + request for _, request in some))
        for some in (numbered[start : start + batch] for start in range(0, len(numbered), batch))
    ]


def run(
    address: str, method: str, requests: Sequence[bytes], rate: float, connections: int, unary: bool, batch: int
) -> list[float]:
    """Sends every message when it is due; returns the time of each answer in seconds, below 0 for a failure."""
    took_s = [-1.0] * len(requests)
    opened = [Connection(address, method, unary, batch > 0) for _ in range(connections)]
    numbered = list(enumerate(requests))
    waiting = [_messages(numbered[number::connections], batch) for number in range(connections)]
    next_of = [0] * connections
    selector = selectors.DefaultSelector()
    for connection in opened:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    start_s = time.perf_counter() + 0.2
    left, deadline = len(requests), start_s + len(requests) / rate + _LAST_ANSWERS_S
    while left and time.perf_counter() < deadline:
        due = int((time.perf_counter() - start_s) * rate) + 1
        for number, connection in enumerate(opened):
            mine, first = waiting[number], next_of[number]
            end = bisect_left(mine, due, first, key=lambda message: message[0])
            next_of[number] += connection.send(mine[first:end])
        for key, _ in selector.select(_TICK_S):
            now_s = time.perf_counter() - start_s
            for number, well in key.data.answers():
                left -= 1
                if well:
                    took_s[number] = now_s - number / rate
        time.sleep(_TICK_S / 2)  # several answers at a time cost less than each alone
    return took_s


def write_requests(file: Path, requests: Iterable[bytes]) -> None:
    """Writes requests into a file."""
    with file.open("wb") as sink:
        for request in requests:
            sink.write(struct.pack("<I", len(request)) + request)


def read_requests(file: Path) -> Iterator[bytes]:
    """Reads the requests of a file."""
    content, place = file.read_bytes(), 0
    while place < len(content):
        (size,) = struct.unpack_from("<I", content, place)
        yield content[place + 4 : place + 4 + size]
        place += 4 + size


def summary(took_s: Sequence[float], rate: float) -> dict[str, Any]:
    """Returns what there is to say of a run."""
    answered = sorted(one for one in took_s if one >= 0) or [0.0]
    count = sum(one >= 0 for one in took_s)
    return {
        "sent": len(took_s),
        "answered": count,
        "seconds": max(number / rate + one for number, one in enumerate(took_s)),
        "p50_ms": answered[len(answered) // 2] * 1000,
        "p99_ms": answered[len(answered) * 99 // 100] * 1000,
        "max_ms": answered[-1] * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("method")
    parser.add_argument("file", type=Path)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--unary", action="store_true")
    parser.add_argument("--batch", type=int, default=0)
    arguments = parser.parse_args()
    requests = list(read_requests(arguments.file))
    before = resource.getrusage(resource.RUSAGE_SELF)
    address, method, batch = arguments.address, arguments.method, arguments.batch
    took_s = run(address, method, requests, arguments.rate, arguments.connections, arguments.unary, batch)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    json.dump(summary(took_s, arguments.rate) | {"client_cpu_s": cpu_s}, sys.stdout)


if __name__ == "__main__":
    main()
