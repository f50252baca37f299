"""Campaigns as tests make them: one of its own for each test, by a city that no other targets."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from mesh import Mesh

from admanager.stream import generate_commands, write_jsonl
from marketplace.clock import system_clock
from stack.settled import wait_until

CALL_S: Final = 10.0
APPLIED_S: Final = 20.0
CPC: Final = 1_000_000  # a tenth of a cent
CPA: Final = 40_000_000
VIEW, CLICK, ACQUISITION = feedback_pb.ACTION_VIEW, feedback_pb.ACTION_CLICK, feedback_pb.ACTION_ACQUISITION


def write_stream(path: Path, count: int = 300, seed: int = 1) -> Path:
    """Writes a command stream of the real one's shape, many of its campaigns with budgets that run out."""
    write_jsonl(path, generate_commands(count, seed, system_clock(), small_budget_share=0.5))
    return path


def command_fields(campaign_id: str, action: str = "New Campaign", /, **changed: Any) -> dict[str, Any]:
    """Returns a command as it stands on the topic; its campaign is open for an hour, from a minute ago on."""
    start = datetime.now(UTC) - timedelta(minutes=1)
    end = start + timedelta(hours=1)
    fields = {
        "text": "Mugs",
        "category": "Home & Kitchen",
        "keywords": "mug",
        "campaign_id": campaign_id,
        "action": action,
        "target_gender": "All",
        "target_age_range": {"start": "0", "end": "0"},
        "target_city": f"city of {campaign_id}"[:64],
        "target_state": "All",
        "target_country": "India",
        "target_income_bucket": "All",
        "target_device": "All",
        "cpc": "0.00100",
        "cpa": "0.0400",
        "budget": "100",
        "date_range": {"start": f"{start:%Y-%m-%d}", "end": f"{end:%Y-%m-%d}"},
        "time_range": {"start": f"{start:%H:%M:%S}", "end": f"{end:%H:%M:%S}"},
    }
    return fields | changed


def command_value(campaign_id: str, action: str = "New Campaign", /, **changed: Any) -> bytes:
    """Returns the message of `command_fields`."""
    return json.dumps(command_fields(campaign_id, action, **changed)).encode()


@dataclass
class Advertiser:
    """One campaign, what its owner does with it over gRPC, and what its audience does."""

    mesh: Mesh
    campaign_id: str
    city: str

    @classmethod
    def create(cls, mesh: Mesh, budget_nanos: int, window_s: int = 3_600) -> "Advertiser":
        """Creates a campaign that is open now, and waits until the command is applied."""
        city = f"city {uuid.uuid4()}"
        spec = pb.CampaignSpec(
            text="Mugs, hand-made",
            category="Home & Kitchen",
            keywords="mug,tea",
            targeting=pb.Targeting(city=city),
            cpc_nanos=CPC,
            cpa_nanos=CPA,
            budget_nanos=budget_nanos,
        )
        now = datetime.now(UTC)
        spec.start_time.FromSeconds(int(now.timestamp()) - 1)
        spec.end_time.FromSeconds(int(now.timestamp()) + window_s)
        done = mesh.manager.CreateCampaign(pb.CreateCampaignRequest(campaign=spec), timeout=CALL_S)
        advertiser = cls(mesh, done.campaign_id, city)
        assert advertiser.outcome(done.command_id) == pb.COMMAND_STATE_APPLIED
        return advertiser

    def update(self, **change: Any) -> None:
        """Changes the campaign and waits until that is applied."""
        request = pb.UpdateCampaignRequest(campaign_id=self.campaign_id, change=pb.CampaignChange(**change))
        done = self.mesh.manager.UpdateCampaign(request, timeout=CALL_S)
        assert self.outcome(done.command_id) == pb.COMMAND_STATE_APPLIED

    def stop(self) -> None:
        """Stops the campaign and waits until that is applied."""
        request = pb.StopCampaignRequest(campaign_id=self.campaign_id)
        done = self.mesh.manager.StopCampaign(request, timeout=CALL_S)
        assert self.outcome(done.command_id) == pb.COMMAND_STATE_APPLIED

    def outcome(self, command_id: str) -> int:
        """Waits until a command is no longer pending; returns what became of it."""
        return outcome_of(self.mesh, command_id)

    def campaign(self) -> pb.Campaign:
        """Reads the campaign as the store has it."""
        request = pb.GetCampaignRequest(campaign_id=self.campaign_id)
        return self.mesh.manager.GetCampaign(request, timeout=CALL_S).campaign

    def serve(self) -> ads_pb.Ad | None:
        """Asks for an ad where the campaign has no rival."""
        answer = self.mesh.ads.ServeAd(ads_pb.ServeAdRequest(user_id="anyone", city=self.city), timeout=CALL_S)
        assert all(ad.campaign_id == self.campaign_id for ad in answer.ads)
        return answer.ads[0] if answer.ads else None

    def serve_soon(self, within_s: float) -> ads_pb.Ad:
        """Returns an ad as soon as the campaign is served. Raises NotSettledError."""
        served: list[ads_pb.Ad] = []

        def arrived() -> bool:
            if ad := self.serve():
                served.append(ad)
            return bool(served)

        wait_until(f"{self.campaign_id} served", arrived, within_s)
        return served[0]

    def await_silence(self, within_s: float) -> None:
        """Waits until the campaign is no longer served. Raises NotSettledError."""
        wait_until(f"{self.campaign_id} not served", lambda: self.serve() is None, within_s)

    def act(self, ad: ads_pb.Ad, action: int) -> feedback_pb.SubmitFeedbackResponse:
        """Sends feedback on an ad."""
        request = feedback_pb.SubmitFeedbackRequest(receipt=ad.receipt, action=action)  # type: ignore[arg-type]
        return self.mesh.feedback.SubmitFeedback(request, timeout=CALL_S)


def outcome_of(mesh: Mesh, command_id: str) -> int:
    """Waits until a command is no longer pending; returns what became of it."""
    manager = mesh.manager
    states = [pb.COMMAND_STATE_PENDING]

    def handled() -> bool:
        answer = manager.GetCommand(pb.GetCommandRequest(command_id=command_id), timeout=CALL_S)
        states.append(answer.state)
        return answer.state != pb.COMMAND_STATE_PENDING

    wait_until(f"command {command_id}", handled, APPLIED_S)
    return states[-1]
