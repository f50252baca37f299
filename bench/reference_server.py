"""The published way: an ad server that asks the database at every request. `python -m bench.reference_server PORT URL`.

For each request it selects the two highest bids among the campaigns that match, and stores the serve in the database,
in one transaction. A synchronous grpcio server with ten threads, each with a connection of its own, as such servers
are written. It is given an index by status and bid, without which each request would read all campaigns.
"""

import sys
import threading
import time
import uuid
from concurrent import futures
from typing import Any, Final

import grpc
import mysql.connector
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1.ad_server_pb2_grpc import AdServerServicer, add_AdServerServicer_to_server
from sqlalchemy.engine import make_url

THREADS: Final = 10
SCHEMA: Final = (
    "CREATE INDEX reference_bids ON ads (status, cpm_nanos)",
    "CREATE TABLE reference_serves (request_id CHAR(36) PRIMARY KEY, campaign_id VARCHAR(64), user_id VARCHAR(64),"
    " auction_cpm BIGINT, auction_cpc BIGINT, auction_cpa BIGINT, target_age_range VARCHAR(32),"
    " target_location VARCHAR(255), target_gender VARCHAR(32), target_income_bucket VARCHAR(32),"
    " target_device_type VARCHAR(64), campaign_start_us BIGINT, campaign_end_us BIGINT, served_us BIGINT)",
)
_USER: Final = "SELECT age, gender, income_bucket FROM users WHERE id = %s"
_TOP_TWO: Final = """
SELECT campaign_id, text, category, cpm_nanos, cpc_nanos, cpa_nanos, target_age_start, target_age_end, target_city,
  target_gender, target_income_bucket, target_device, start_us, end_us
FROM ads WHERE status = 'ACTIVE' AND slot_budget_nanos > 0 AND start_us <= %s AND end_us > %s
  AND target_gender IN ('All', %s) AND (target_age_end = 0 OR %s BETWEEN target_age_start AND target_age_end)
  AND target_city IN ('All', %s) AND target_state IN ('All', %s) AND target_country IN ('All', %s)
  AND target_income_bucket IN ('All', %s) AND target_device IN ('All', %s)
ORDER BY cpm_nanos DESC LIMIT 2"""
_SERVE: Final = f"INSERT INTO reference_serves VALUES ({', '.join(['%s'] * 14)})"  # noqa: S608  # only marks


class Reference(AdServerServicer):
    """ServeAd by two queries and an insert."""

    def __init__(self, store_url: str) -> None:
        url = make_url(store_url)
        self._options: dict[str, Any] = {
            "host": url.host,
            "port": url.port,
            "user": url.username,
            "password": url.password,
            "database": url.database,
            "ssl_disabled": True,
            "collation": "utf8mb4_unicode_ci",
        }
        self._own = threading.local()

    def ServeAd(self, request: pb.ServeAdRequest, context: Any) -> pb.ServeAdResponse:  # noqa: N802
        """Holds one auction in the database."""
        connection = self._connection()
        cursor = connection.cursor(buffered=True)
        cursor.execute(_USER, (request.user_id,))
        age, gender, income = cursor.fetchone() or (0, "", "")
        now_us = time.time_ns() // 1_000
        place = request.city, request.state, request.country
        cursor.execute(_TOP_TWO, (now_us, now_us, gender, age, *place, income, request.device_type))
        found = cursor.fetchall()
        if not found:
            connection.rollback()
            return pb.ServeAdResponse(no_ad_reason=pb.NO_AD_REASON_NO_ELIGIBLE_CAMPAIGN)
        campaign_id, text, category, cpm, cpc, cpa, age_start, age_end, city, *rest = found[0]
        second = found[-1][3]
        prices = second, cpc * second // cpm, cpa * second // cpm
        request_id = str(uuid.uuid4())
        served = (request_id, campaign_id, request.user_id, *prices, f"{age_start}-{age_end}", city, *rest, now_us)
        cursor.execute(_SERVE, served)
        connection.commit()
        cursor.close()
        ad = pb.Ad(request_id=request_id, campaign_id=campaign_id, text=text, category=category)
        return pb.ServeAdResponse(ads=[ad])

    def StreamAds(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802
        """Holds one auction after the other."""
        for message in request_iterator:
            yield pb.StreamAdsResponse(sequence=message.sequence, response=self.ServeAd(message.request, context))

    def _connection(self) -> Any:
        if not hasattr(self._own, "connection"):
            self._own.connection = mysql.connector.connect(**self._options)
        return self._own.connection


def main(port: int, store_url: str) -> None:
    """Serves until it is ended."""
    server = grpc.server(futures.ThreadPoolExecutor(THREADS), options=[("grpc.so_reuseport", 0)])
    add_AdServerServicer_to_server(Reference(store_url), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
