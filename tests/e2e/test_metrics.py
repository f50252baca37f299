"""What the processes tell Prometheus: the same as ledger and archive hold; and every name is explained and used."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

import grpc
import pytest
from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from campaigns import ACQUISITION, CALL_S, CLICK, CPA, CPC, VIEW, Advertiser
from mesh import MakeMesh, Mesh
from watching import Scrape, await_figure, scrape

from marketplace.feedback import Action
from marketplace.ports import COMMANDS, SERVED_ADS, USER_FEEDBACK
from stack.platform import _PAGES, _PROCESSES

ROOT: Final = Path(__file__).parents[2]
WATCHED: Final = ROOT / "stack" / "observability"
SERVES: Final = 6
SERVE_AD: Final = "adplatform.v1.AdServer/ServeAd"
SUBMIT: Final = "adplatform.v1.FeedbackHandler/SubmitFeedback"


@pytest.fixture(scope="module")
def watched(make_mesh: MakeMesh) -> Mesh:
    """A mesh on which a campaign ran until its budget was gone, and some who asked amiss."""
    mesh = make_mesh()
    mesh.start()
    mine = Advertiser.create(mesh, budget_nanos=CPA + CPC)
    ads = [mine.serve_soon(10.0)]
    ads += [ad for _ in range(SERVES - 1) if (ad := mine.serve())]
    for action in (VIEW, CLICK, CLICK, ACQUISITION):
        mine.act(ads[0], action)
    mine.act(ads[1], VIEW)
    mine.act(ads[1], ACQUISITION)  # more than is left
    forged = feedback_pb.SubmitFeedbackRequest(receipt=b"forged", action=CLICK)
    for _ in range(3):
        with pytest.raises(grpc.RpcError):
            mesh.feedback.SubmitFeedback(forged, timeout=CALL_S)
    with pytest.raises(grpc.RpcError):
        mesh.ads.ServeAd(ads_pb.ServeAdRequest(ad_count=99), timeout=CALL_S)
    mesh.publish_commands([b"no command"])
    mesh.settle_commands()
    mesh.settle()
    return mesh


def test_the_ad_server_tells_of_its_auctions(watched: Mesh) -> None:
    told = scrape(watched, "adserver")
    assert told.sum("adplatform_auctions_total", outcome="won") == SERVES
    assert told.sum("adplatform_ads_served_total") == SERVES
    lost = told.sum("adplatform_auctions_total") - SERVES  # until the campaign had arrived
    assert told.sum("adplatform_rpc_requests_total", method=SERVE_AD, code="OK") == SERVES + lost
    assert told.sum("adplatform_rpc_requests_total", method=SERVE_AD, reason="INVALID_ARGUMENT") == 1
    assert told.sum("adplatform_rpc_duration_seconds_count", method=SERVE_AD) == SERVES + lost + 1
    # without a rival it pays its own bid
    cpm = SERVES * (15 * CPC + CPA) // 2_000
    assert told.sum("adplatform_bid_cpm_nanos_total") == told.sum("adplatform_clearing_cpm_nanos_total") == cpm
    assert told.sum("adplatform_serving") == 1
    assert 0 <= told.sum("adplatform_index_age_seconds") < 5
    await_figure(watched, "adserver", 0, "adplatform_serve_records_waiting")


def test_the_handler_tells_what_the_ledger_holds(watched: Mesh) -> None:
    told, ledger = scrape(watched, "feedback-handler"), watched.ledger()
    counts = Counter(action for _, action in ledger)
    for action in Action:
        assert told.sum("adplatform_charges_total", action=action.name) == counts[action]
    assert told.sum("adplatform_charged_nanos_total") == sum(ledger.values()) == CPA + CPC
    assert told.sum("adplatform_uncharged_nanos_total") == CPA - CPC
    assert told.sum("adplatform_repeats_total", action="CLICK") == told.sum("adplatform_repeats_total") == 1
    assert told.sum("adplatform_rpc_requests_total", method=SUBMIT, reason="RECEIPT_INVALID") == 3
    assert told.sum("adplatform_rpc_requests_total", method=SUBMIT, code="OK") == len(ledger) + 1
    assert told.sum("adplatform_charge_batch_claims_sum") == len(ledger) + 1
    assert told.sum("adplatform_messages_published_total", topic=USER_FEEDBACK) == len(ledger)
    for name in ("adplatform_outbox_rows", "adplatform_outbox_age_seconds", "adplatform_charge_queue_claims"):
        await_figure(watched, "feedback-handler", 0, name)


def test_the_managers_tell_of_commands_and_slots(watched: Mesh) -> None:
    told = scrape(watched, "ad-manager")
    assert told.sum("adplatform_commands_total", outcome="applied") == 1
    assert told.sum("adplatform_commands_total", outcome="rejected") == 1
    await_figure(watched, "ad-manager", 0, "adplatform_consumer_lag_messages", topic=COMMANDS)
    assert scrape(watched, "slot-manager").of("adplatform_slots_behind") == [0]
    await_figure(watched, "slot-manager", 1, "adplatform_campaigns", state="exhausted")
    await_figure(watched, "slot-manager", 0, "adplatform_campaigns", state="running")


def test_the_writer_tells_what_the_archive_holds(watched: Mesh) -> None:
    told, events = scrape(watched, "feedback-writer"), len(watched.ledger())
    assert told.sum("adplatform_archive_rows_total", topic=USER_FEEDBACK) == events
    assert told.sum("adplatform_archive_messages_total", topic=USER_FEEDBACK) == events
    assert told.sum("adplatform_archive_rows_total", topic=SERVED_ADS) == SERVES
    files = told.sum("adplatform_archive_files_total", topic=USER_FEEDBACK)
    assert told.sum("adplatform_archive_delay_seconds_count", topic=USER_FEEDBACK) == files > 0
    assert told.sum("adplatform_archive_failures_total") == 0
    for topic in (USER_FEEDBACK, SERVED_ADS):
        await_figure(watched, "feedback-writer", 0, "adplatform_consumer_lag_messages", topic=topic)
        await_figure(watched, "feedback-writer", 0, "adplatform_archive_waiting_seconds", topic=topic)
    assert watched.reconciled().archived_nanos == CPA + CPC


def names_in(text: str) -> set[str]:
    """Returns the names of figures in a text; what Prometheus makes of a histogram counts as the histogram."""
    found = set(re.findall(r"\b(?:adplatform|process)_[a-z_]+\b", text))
    return {re.sub(r"(_seconds|_claims)_(bucket|sum|count)$", r"\1", name) for name in found}


def test_every_figure_is_explained_and_looked_at_and_nothing_else_is(watched: Mesh) -> None:
    scrapes: list[Scrape] = [scrape(watched, name) for name in watched.specs]
    exported = {name for each in scrapes for name in each.families}
    ours = {name for name in exported if name.startswith("adplatform_")}
    explained = names_in((ROOT / "docs" / "metrics.md").read_text())
    dashboard = json.loads((WATCHED / "dashboard.json").read_text())
    shown = names_in("\n".join(t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", ())))
    alerted = names_in((WATCHED / "alerts.yml").read_text())
    assert explained - exported == set(), "explained and not exported"
    assert ours - explained == set(), "exported and not explained"
    assert (shown | alerted) - exported == set(), "looked at and not exported"
    assert ours - shown == set(), "exported and not on the dashboard"


def test_no_label_grows_with_the_business(watched: Mesh) -> None:
    for name in watched.specs:
        assert scrape(watched, name).labels <= {
            *("le", "method", "code", "reason", "topic", "partition", "outcome", "action", "state"),
            *("probe", "program", "version"),
        }


def test_the_scrape_configuration_names_the_ports_that_processes_get() -> None:
    told = dict(re.findall(r"127\.0\.0\.1:(\d+) # ([a-z-]+)", (WATCHED / "prometheus.yml").read_text()))
    assert told == {str(metrics): name for name, _, _, metrics in (*_PROCESSES, *_PAGES)}
