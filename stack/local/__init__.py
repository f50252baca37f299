"""A real Kafka broker, MariaDB and HiveServer2 on one machine, with no container and no root.

`up`, `down` and `status` handle the three together; `Kafka`, `MariaDB` and `Hive` are single servers that start, stop,
die and start again on the same port and data; `throwaway` gives a test one of its own. Linux only.
"""

from stack.local.errors import StackError
from stack.local.hive import Hive
from stack.local.kafka import Kafka
from stack.local.mariadb import MariaDB
from stack.local.places import Places
from stack.local.server import Running, Server
from stack.local.throwaway import throwaway
from stack.local.together import Urls, down, status, up, urls

__all__ = [
    "Hive",
    "Kafka",
    "MariaDB",
    "Places",
    "Running",
    "Server",
    "StackError",
    "Urls",
    "down",
    "status",
    "throwaway",
    "up",
    "urls",
]
