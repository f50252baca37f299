"""The outbox's shards: rows of one campaign share a shard, and so one sender and one order."""

import zlib
from typing import Final

# The migration creates a row in `outbox_shards` for each. It is no setting, so that no two processes can disagree.
SHARDS: Final = 8


def shard_of(campaign_id: str) -> int:
    """Returns the shard of a campaign's outbox rows."""
    return zlib.crc32(campaign_id.encode()) % SHARDS
