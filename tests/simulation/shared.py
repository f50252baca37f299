"""What the processes of a mesh share: the store, the topics, the archive and the key file."""

import uuid
from typing import Final

from memory_archive import MemoryFiles, NoCatalog
from memory_database import Database
from memory_log import MemoryLog
from world import World

from marketplace.clock import US_PER_SECOND
from marketplace.ports import COMMANDS, REJECTED_COMMANDS, SERVED_ADS, USER_FEEDBACK
from marketplace.receipt import ReceiptKey
from writer.batching import Limits

NEW_KEY_US: Final = 5 * US_PER_SECOND
"""How long before a key is sealed with it is there: longer than a process waits before it looks at the file again."""


class Mesh:
    """What survives every process."""

    def __init__(self, world: World) -> None:
        size, plan = world.chance.size, world.chance.plan
        partitions = {
            COMMANDS: size.command_partitions,
            REJECTED_COMMANDS: 1,
            USER_FEEDBACK: size.feedback_partitions,
            SERVED_ADS: 1,
        }
        self.world = world
        self.database = Database(world, coarse=plan.random() < 0.25)
        self.log = MemoryLog(world, partitions, grouped=plan.random() < 0.7)
        self.files = MemoryFiles(world)
        self.catalog = NoCatalog(world)
        self.limits = Limits(
            max_records=plan.choice((3, 8, 50)), max_bytes=1 << 20, max_age_s=plan.choice((0.05, 0.3, 1.0))
        )
        self.keys: list[ReceiptKey] = []
        self._request_numbers = 0
        self.add_key(world.now_us())

    def add_key(self, active_from_us: int | None = None) -> None:
        """Puts a key into the key file, to be sealed with in a while unless told otherwise."""
        from_us = self.world.now_us() + NEW_KEY_US if active_from_us is None else active_from_us
        self.keys.append(ReceiptKey(bytes([len(self.keys)] * 4), bytes(32), from_us))

    def request_id(self) -> bytes:
        """Makes the id of a serve."""
        self._request_numbers += 1
        return uuid.UUID(int=(7 << 76) + self._request_numbers).bytes
