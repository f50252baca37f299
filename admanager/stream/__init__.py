"""Command streams in files: read, replayed as if new, and made."""

from admanager.stream.command import StreamCommand, clean_keywords
from admanager.stream.files import read_commands, write_jsonl
from admanager.stream.generate import generate_commands
from admanager.stream.schedule import Timed, due, rebase, schedule
from admanager.stream.titles import Title, load_titles

__all__ = [
    "StreamCommand",
    "Timed",
    "Title",
    "clean_keywords",
    "due",
    "generate_commands",
    "load_titles",
    "read_commands",
    "rebase",
    "schedule",
    "write_jsonl",
]
