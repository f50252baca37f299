"""Opens the archive that a URL names."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from marketplace.ports import ArchiveCatalog, ArchiveFiles
from marketplace.runtime.archive.duckdb_catalog import DuckDbCatalog
from marketplace.runtime.archive.files import LocalFiles

_HIVE_OPTIONS = {"files", "auth", "tls", "ca"}


@dataclass(frozen=True)
class Archive:
    """The archive: its files, and its tables for SQL."""

    files: ArchiveFiles
    catalog: ArchiveCatalog


def open_archive(url: str, deadline_s: float = 300.0) -> Archive:
    """Opens an archive; makes its folder if it is missing, connects to nothing yet. A statement may take `deadline_s`.

    - `file:///folder`, `file:folder` or a plain path: Parquet files read by DuckDB;
    - `hive://user:password@host:port/database?files=file:///folder`: the same files as Hive tables. More options:
      `auth=NONE|NOSASL|LDAP|CUSTOM`, `tls=true`, `ca=FILE`. The server has to see the folder under the same path.

    Raises ValueError with a sentence for people.
    """
    parts = urlsplit(url)
    if parts.scheme == "hive":
        return _open_hive(parts, deadline_s)
    folder = _folder(url)
    return Archive(LocalFiles(folder), DuckDbCatalog(folder, deadline_s=deadline_s))


def open_files(url: str, deadline_s: float = 300.0, memory_limit: str = "1GB") -> DuckDbCatalog:
    """Opens an archive's files in this process, whoever else serves them as tables: answers take milliseconds.

    Raises ValueError with a sentence for people.
    """
    parts = urlsplit(url)
    folder = _folder(dict(parse_qsl(parts.query)).get("files", "") if parts.scheme == "hive" else url)
    return DuckDbCatalog(folder, memory_limit, deadline_s)


def _open_hive(parts: SplitResult, deadline_s: float) -> Archive:
    # Here, because the embedded way needs none of Hive's libraries.
    from marketplace.runtime.archive.hive_catalog import HiveCatalog
    from marketplace.runtime.archive.hive_server import HiveServer

    options = dict(parse_qsl(parts.query))
    if unknown := sorted(options.keys() - _HIVE_OPTIONS):
        raise ValueError(f"the archive URL has the unknown option {unknown[0]!r}; known: {sorted(_HIVE_OPTIONS)}")
    if not parts.hostname or "files" not in options:
        raise ValueError("an archive URL on Hive is hive://user@host:port/database?files=file:///folder")
    database = parts.path.strip("/") or "default"
    if not re.fullmatch(r"\w{1,128}", database, re.ASCII):
        raise ValueError("an archive URL names a Hive database of letters, digits and _")
    folder = _folder(options["files"])
    files = LocalFiles(folder)
    server = HiveServer(
        host=parts.hostname,
        port=parts.port or 10_000,
        user=unquote(parts.username or "adplatform"),
        password=unquote(parts.password) if parts.password else None,
        database=database,
        auth=options.get("auth", "LDAP" if parts.password else "NONE").upper(),
        tls=options.get("tls", "false").lower() == "true",
        ca_file=options.get("ca"),
    )
    return Archive(files, HiveCatalog(server, files, folder.as_uri(), deadline_s))


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise ValueError(f"{url!r} is not an archive folder such as file:///folder")
    folder = Path(unquote(parts.path) if parts.scheme else url).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
