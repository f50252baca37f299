"""One HiveServer2 on 127.0.0.1, with Tez and its metastore (Derby) in the same process."""

from contextlib import closing
from pathlib import Path

from pyhive.exc import Error
from thrift.Thrift import TException

from marketplace.runtime.archive.hive_server import HiveServer
from stack.local import process
from stack.local.download import maven
from stack.local.files import whole
from stack.local.ports import HOST, listening
from stack.local.server import CONF, Launch, Server
from stack.local.tools import java

# The small compiler only: half the processor time until it answers, on a machine where the platform wants the rest.
_MACHINE = ("-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
_SCHEMA_S = 180.0
_ANSWER_S = 15.0

# Hive, Tez and DataNucleus reflect on these; a Java from 17 on forbids it otherwise.
_OPEN = (
    "java.io",
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.math",
    "java.net",
    "java.nio",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.regex",
    "sun.nio.ch",
)


class Hive(Server):
    """A server whose `url` is `hive://HOST:PORT/default`; where the archive's files are is the caller's choice."""

    name = "hive"
    port_names = ("client",)
    ready_s = 180.0
    stop_s = 20.0

    def fetch(self) -> Path:
        return maven(self.cache, self.name, "Apache Hive (390 MB)", CONF / "hive" / "pom.xml", self.say)

    def prepare(self, software: Path) -> None:
        """Creates the metastore's tables."""
        if self.data.is_dir():
            return
        (metastore,) = (software / "schema").glob("apache-hive-metastore-*")
        tool = "org.apache.hadoop.hive.metastore.tools.schematool.MetastoreSchemaTool"
        self.say(f"{self.name}: creates its metastore")
        with whole(self.data) as part:
            argv = [*_java(software, part), tool, "-dbType", "derby", "-initSchema"]
            environment = {**java().environment, "METASTORE_HOME": str(metastore)}
            process.run(argv, part, environment, _SCHEMA_S)

    def launch(self, software: Path) -> Launch:
        server = "org.apache.hive.service.server.HiveServer2"
        port = f"hive.server2.thrift.port={self.ports['client']}"
        return Launch([*_java(software, self.data), server, "--hiveconf", port], java().environment)

    def answers(self) -> bool:
        port = self.ports.get("client")
        if not port or not listening(port):
            return False
        try:
            with closing(HiveServer(host=HOST, port=port).connect(_ANSWER_S)) as connection:
                cursor = connection.cursor()
                cursor.execute("SELECT 1")
                return bool(cursor.fetchall() == [(1,)])
        except (Error, TException, OSError, EOFError):
            return False

    def failed(self) -> bool:
        """HiveServer2 tries again for ever when it cannot start."""
        return "Error starting HiveServer2" in self.log.read_text(errors="replace")

    def url(self) -> str:
        return f"hive://{HOST}:{self.ports['client']}/default"


def _java(software: Path, data: Path) -> list[str]:
    return [
        java().program,
        *_MACHINE,
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPEN),
        "--add-opens=java.sql/java.sql=ALL-UNNAMED",
        f"-Dadplatform.data={data}",
        f"-Djava.io.tmpdir={data}",
        f"-Djna.tmpdir={data}",
        f"-Dderby.stream.error.file={data}/derby.log",
        f"-Dlog4j.configurationFile=file:{CONF}/hive/hive-log4j2.properties",
        "-Duser.timezone=UTC",
        "-Djava.net.preferIPv4Stack=true",
        "-cp",
        f"{CONF}/hive:{software}/lib/*",
    ]
