"""A member of a group on Kafka that says what happens to it: `assigned`, `revoked` and the records that it gets."""

import sys
from collections.abc import Iterable, Mapping

from log_members import Member

from marketplace.ports import Bounds
from marketplace.runtime.log.kafka import KafkaLog
from marketplace.runtime.log.kafka_client import KafkaAddress

SESSION_S = 6.0  # the least that a broker allows by default


class Speaking(Member):
    def assigned(self, partitions: Mapping[int, Bounds], committed: Mapping[int, int]) -> Mapping[int, int]:
        say("assigned", *sorted(partitions))
        return super().assigned(partitions, committed)

    def revoked(self, partitions: Iterable[int]) -> None:
        say("revoked", *sorted(partitions))


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201


if __name__ == "__main__":
    url, topic, group = sys.argv[1:]
    log = KafkaLog(KafkaAddress.of(url), [], timeout_s=10.0, session_timeout_s=SESSION_S)
    consumer = log.consumer(topic, group, Speaking())
    while True:
        records = consumer.poll(10, 0.2)
        for record in records:
            say("record", record.partition, record.offset)
        consumer.commit({record.partition: record.offset + 1 for record in records})
