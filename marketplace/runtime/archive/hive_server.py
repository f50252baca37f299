"""How to reach a HiveServer2."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final

import thrift_sasl
from pyhive import hive
from thrift.transport import TSocket, TSSLSocket, TTransport

_DEFAULT: Final = "default"


@dataclass(frozen=True, kw_only=True)
class HiveServer:
    """Where a HiveServer2 is and how to log in; `auth` is NONE, NOSASL, LDAP or CUSTOM, as on the server.

    With `tls` the server's certificate is checked, against `ca_file` if given, else the machine's authorities.
    """

    host: str
    port: int = 10_000
    user: str = "adplatform"
    password: str | None = field(default=None, repr=False)
    database: str = _DEFAULT
    auth: str = "NONE"
    tls: bool = False
    ca_file: str | None = None

    def connect(self, timeout_s: float) -> hive.Connection:
        """Opens a session; each of its calls waits at most `timeout_s` for the server.

        Makes the database if it is missing.
        """
        socket = self._socket()
        socket.setTimeout(timeout_s * 1_000)
        transport = TTransport.TBufferedTransport(socket) if self.auth == "NOSASL" else self._login(socket)
        settings = {
            "hive.resultset.use.unique.column.names": "false",
            "hive.default.fileformat": "ORC",  # temporary tables as text would be torn by a newline in a name
        }
        connection = hive.Connection(thrift_transport=transport, username=self.user, configuration=settings)
        if self.database != _DEFAULT:
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{self.database}`")
                cursor.execute(f"USE `{self.database}`")
        return connection

    def _socket(self) -> TSocket.TSocket:
        if not self.tls:
            return TSocket.TSocket(self.host, self.port)
        context = ssl.create_default_context(cafile=self.ca_file)
        return TSSLSocket.TSSLSocket(self.host, self.port, ssl_context=context, server_hostname=self.host)

    def _login(self, socket: TSocket.TSocket) -> Any:
        # With NONE any password will do, but SASL wants one.
        login = {"host": self.host, "sasl_auth": "PLAIN", "username": self.user, "password": self.password or "none"}
        return thrift_sasl.TSaslClientTransport(lambda: hive.get_pure_sasl_client(**login), "PLAIN", socket)
