"""One Apache Kafka broker (KRaft, no ZooKeeper) on 127.0.0.1."""

import base64
import secrets
from contextlib import closing
from pathlib import Path
from string import Template

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from stack.local import process
from stack.local.download import maven
from stack.local.files import replace, whole
from stack.local.ports import HOST, listening
from stack.local.server import CONF, Launch, Server
from stack.local.tools import java

_MACHINE = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
_FORMAT_S = 60.0
_ANSWER_MS = 3000


class Kafka(Server):
    """A broker whose `url` is `kafka://HOST:PORT`."""

    name = "kafka"
    port_names = ("client", "controller")
    ready_s = 90.0
    stop_s = 20.0

    def fetch(self) -> Path:
        return maven(self.cache, self.name, "Apache Kafka (50 MB)", CONF / "kafka" / "pom.xml", self.say)

    def prepare(self, software: Path) -> None:
        """Formats the data folder, under a cluster id of its own."""
        if self.data.is_dir():
            return
        cluster_id = base64.urlsafe_b64encode(b"ad" + secrets.token_bytes(14)).decode().rstrip("=")
        with whole(self.data) as part:
            config = self._configure(part, client=1, controller=2)
            argv = [*_java(software), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(config)]
            process.run(argv, part, java().environment, _FORMAT_S)

    def launch(self, software: Path) -> Launch:
        config = self._configure(self.data, **self.ports)
        return Launch([*_java(software), "kafka.Kafka", str(config)], java().environment)

    def answers(self) -> bool:
        """Asks for the topics: the port opens some time before the broker can say them."""
        port = self.ports.get("client")
        if not port or not listening(port):
            return False
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=f"{HOST}:{port}", bootstrap_timeout_ms=_ANSWER_MS, request_timeout_ms=_ANSWER_MS
            )
            with closing(admin):
                admin.list_topics()
        except KafkaError:
            return False
        return True

    def url(self) -> str:
        return f"kafka://{HOST}:{self.ports['client']}"

    def _configure(self, data: Path, client: int, controller: int) -> Path:
        template = Template((CONF / "kafka" / "server.properties").read_text())
        config = self.home / "server.properties"
        replace(config, template.substitute(data=data, client=client, controller=controller))
        return config


def _java(software: Path) -> list[str]:
    return [java().program, *_MACHINE, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{software / 'lib'}/*"]
