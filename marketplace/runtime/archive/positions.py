"""How far the archive's files say that a topic has landed."""

from marketplace.archive_layout import TABLE_OF_TOPIC, newest_files, read_epoch
from marketplace.ports import ArchiveFiles
from marketplace.runtime.archive.parquet import read_end


def archive_positions(files: ArchiveFiles, topic: str) -> dict[int, int]:
    """Returns, per partition, the offset that the newest file ends before, or that the epoch begins at."""
    table = TABLE_OF_TOPIC[topic]
    epoch = read_epoch(files, table)
    newest = newest_files(files.list(table), topic, epoch.number)
    return dict(epoch.starts) | {partition: read_end(files, path) for partition, path in newest.items()}
