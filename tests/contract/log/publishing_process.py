"""Publishes 0, 1, 2, ... to a topic, 20 at a call, until it is killed; says each number that is acknowledged."""

import itertools
import sys

from log_members import messages

from marketplace.runtime.log.open import open_log

BATCH = 20

if __name__ == "__main__":
    url, topic = sys.argv[1:]
    publisher = open_log(url).publisher()
    for start in itertools.count(0, BATCH):
        publisher.publish(topic, messages(range(start, start + BATCH)))
        print(start + BATCH, flush=True)  # noqa: T201
