"""`make mesh`: `make run` on a real Kafka, MariaDB and Hive, started here if they do not run.

Each run has its own database, topics and Hive database on the servers, so that it begins with nothing, like `make run`.
What it was told stands in var/mesh.env, for `report` and `reconcile` afterwards. Our processes prove to each other who
they are, by certificates that are made in var/certs.
"""

import os
import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from marketplace.runtime.store.engine import open_engine
from stack import run
from stack.certs import certificate_environment, issue
from stack.local.errors import StackError
from stack.local.places import Places
from stack.local.together import Urls, up

PROGRAM: Final = "mesh"
ENVIRONMENT_FILE: Final = Path("var/mesh.env")
_CERTS: Final = Path("var/certs")


def isolated(urls: Urls, name: str) -> Urls:
    """Returns the URLs of an installation of its own on the servers; creates its database."""
    store = make_url(urls.store)
    engine = open_engine(urls.store)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"))
    engine.dispose()
    return replace(
        urls,
        store=store.set(database=name).render_as_string(hide_password=False),
        log=f"{urls.log}?topic_prefix={name}.",
        archive=urls.archive.replace("/default?", f"/{name}?"),
    )


def secured(certs: Path) -> dict[str, str]:
    """Returns settings for TLS on both sides, and for an operator's programs; makes what certificates are missing."""
    issue(certs)
    certs = certs.absolute()
    return {"CERTS": str(certs), "AUTH": "tokens", **certificate_environment(certs, "operator")}


def main() -> None:
    """Runs the program."""
    name = f"adplatform_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    files = Path("var/archives") / name
    try:
        environment = isolated(up(Places.of(), files, _tell), name).environment()
    except (StackError, SQLAlchemyError) as problem:
        _tell(f"{PROGRAM}: {problem}")
        sys.exit(2)
    environment |= secured(_CERTS)
    lines = [f"export {key}={shlex.quote(value)}\n" for key, value in environment.items()]
    descriptor = os.open(ENVIRONMENT_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds a password
    with os.fdopen(descriptor, "w") as file:
        file.writelines(lines)
    os.environ.update(environment)
    run.main()


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
