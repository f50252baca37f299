"""How far a consumer is behind, as operators are told."""

from log_members import MakeLog, messages

from marketplace.runtime.log.counted import CountedPublisher
from marketplace.runtime.log.lag import read_lag


def test_the_lag_is_what_lies_behind_the_position(make_log: MakeLog) -> None:
    log, topic = make_log(partitions=2)
    publisher = log.publisher()
    publisher.publish(topic, messages(range(10), b"one key, one partition"))
    publisher.close()
    (full,) = [number for number, bounds in log.bounds(topic).items() if bounds.end]
    assert read_lag(log, topic, {0: 0, 1: 0}) == {(topic, str(full)): 10, (topic, str(1 - full)): 0}
    assert read_lag(log, topic, {full: 7}) == {(topic, str(full)): 3}
    assert read_lag(log, topic, {full: 11}) == {(topic, str(full)): 0}, "handled since the end was read"
    assert read_lag(log, topic, {}) == {}


def test_a_counted_publisher_counts_what_is_durable(make_log: MakeLog) -> None:
    log, topic = make_log()
    publisher = CountedPublisher(log.publisher())
    publisher.publish(topic, messages(range(3)))
    publisher.publish(topic, messages(range(4)))
    publisher.close()
    sent, failed, seconds = (figure.read() for figure in publisher.figures())
    assert sent == {(topic,): 7}
    assert failed == {(topic,): 0}
    assert seconds[topic,].count == 2  # type: ignore[index, union-attr]
