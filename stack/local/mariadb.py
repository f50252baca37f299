"""One MariaDB on 127.0.0.1, as installed on the machine or from Debian packages unpacked into the cache."""

import os
import secrets
import shutil
from contextlib import closing
from pathlib import Path
from string import Template

import mysql.connector

from stack.local import process
from stack.local.download import debian
from stack.local.files import replace, whole
from stack.local.ports import HOST, listening
from stack.local.server import CONF, Launch, Server

_PACKAGES = (
    "mariadb-server",
    "mariadb-server-core",
    "mariadb-client-core",
    "mariadb-common",
    "libmariadb3",
    "libaio1",
    "liburing2",
)
_NAME = "adplatform"  # of the user and of the database
_INSTALL_S = 120.0
_ANSWER_S = 3


class MariaDB(Server):
    """A server whose `url` is `mysql://adplatform:PASSWORD@HOST:PORT/adplatform`.

    The user may also create and drop databases whose names begin with `adplatform`.
    """

    name = "mariadb"
    port_names = ("client",)
    ready_s = 60.0
    stop_s = 30.0

    def fetch(self) -> Path:
        """Returns the folder that holds `bin` and `sbin`: an installed server's, or else the unpacked packages'."""
        return _installed() or debian(self.cache, self.name, "MariaDB (12 MB)", _PACKAGES, self.say) / "usr"

    def prepare(self, software: Path) -> None:
        """Creates the system tables. Root comes in by socket only, as the system's own user."""
        if self.data.is_dir():
            return
        argv = [
            str(software / "bin" / "mariadb-install-db"),
            "--no-defaults",
            f"--basedir={software}",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
            "--skip-name-resolve",
            "--force",
            "--datadir=.",  # the script cannot do with a space in a path
            *_as_root(),
        ]
        with whole(self.data) as part:
            process.run(argv, part, _environment(software), _INSTALL_S)

    def launch(self, software: Path) -> Launch:
        config, init = self.home / "my.cnf", self.home / "init.sql"
        replace(init, _fill("init.sql", name=_NAME, host=HOST, password=self._password()))
        port = self.ports["client"]
        replace(config, _fill("server.properties", base=software, data=self.data, init=init, port=port, host=HOST))
        argv = [str(software / "sbin" / "mariadbd"), f"--defaults-file={config}", *_as_root()]
        return Launch(argv, _environment(software))

    def answers(self) -> bool:
        port = self.ports.get("client")
        if not port or not listening(port):
            return False
        try:
            connection = mysql.connector.connect(
                host=HOST,
                port=port,
                user=_NAME,
                password=self._password(),
                database=_NAME,
                ssl_disabled=True,
                connection_timeout=_ANSWER_S,
                read_timeout=_ANSWER_S,
            )
            with closing(connection):
                cursor = connection.cursor()
                cursor.execute("SELECT 1")
                return cursor.fetchall() == [(1,)]
        except (mysql.connector.Error, OSError):
            return False

    def url(self) -> str:
        return f"mysql://{_NAME}:{self._password()}@{HOST}:{self.ports['client']}/{_NAME}"

    def _password(self) -> str:
        """Returns the user's password, made once and readable only by the owner of the state folder."""
        path = self.home / "password"
        if not path.exists():
            replace(path, secrets.token_urlsafe(24))
        return path.read_text()


def _fill(template: str, **values: object) -> str:
    return Template((CONF / "mariadb" / template).read_text()).substitute(values)


def _installed() -> Path | None:
    """Returns the folder of an installed MariaDB; `sbin` is often not on the PATH of an ordinary user."""
    found = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        return None
    base = Path(found).resolve().parent.parent
    complete = all((base / name).is_file() for name in ("sbin/mariadbd", "bin/mariadb-install-db"))
    return base if complete else None


def _environment(software: Path) -> dict[str, str]:
    """Lets unpacked programs find the libraries unpacked beside them; changes nothing for installed ones."""
    libraries = [*software.glob("lib/*-linux-gnu"), *software.parent.glob("lib/*-linux-gnu")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}


def _as_root() -> list[str]:
    """MariaDB refuses to run as root unless told to."""
    return ["--user=root"] if os.geteuid() == 0 else []
