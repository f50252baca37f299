"""What became of a command, on the page of its campaign: refused, too late, lost sight of."""

import json
import uuid

import grpc
from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1.campaign_manager_pb2_grpc import CampaignManagerStub
from playwright.sync_api import Page, Route, expect
from running import APPLIED_S, Running, until

from marketplace.ports import COMMANDS, Message
from marketplace.runtime.log.open import open_log


def published(running: Running, **fields: str) -> str:
    """Puts a command on the topic past the ad manager's checks, as a race may; returns its id when known."""
    command_id = str(uuid.uuid4())
    log = open_log(running.environment["LOG_URL"])
    try:
        value = json.dumps({**fields, "command_id": command_id}).encode()
        log.publisher().publish(COMMANDS, [Message(fields["campaign_id"].encode(), value)])
    finally:
        log.close()
    with grpc.insecure_channel(running.specs["ad-manager"].address) as channel:
        manager = CampaignManagerStub(channel)

        def known() -> bool:
            try:
                state = manager.GetCommand(pb.GetCommandRequest(command_id=command_id), timeout=10).state
            except grpc.RpcError:
                return False
            return bool(state != pb.COMMAND_STATE_PENDING)

        until(f"command {command_id}", known, APPLIED_S)
    return command_id


def stop(running: Running, campaign_id: str) -> None:
    with grpc.insecure_channel(running.specs["ad-manager"].address) as channel:
        manager = CampaignManagerStub(channel)
        manager.StopCampaign(pb.StopCampaignRequest(campaign_id=campaign_id), timeout=10)

        def stopped() -> bool:
            found = manager.GetCampaign(pb.GetCampaignRequest(campaign_id=campaign_id), timeout=10)
            return bool(found.campaign.status == pb.CAMPAIGN_STATUS_STOPPED)

        until("the stop", stopped, APPLIED_S)


def test_a_command_that_is_rejected_promises_nothing(page: Page, running: Running) -> None:
    campaign_id = str(uuid.uuid1())
    command_id = published(running, action="New Campaign", campaign_id=campaign_id, text="Half a campaign")
    page.goto(f"/campaigns/{campaign_id}?command={command_id}")
    expect(page.locator("#command .badge")).to_have_text("Rejected")
    expect(page.locator("#command")).to_contain_text("is missing")
    expect(page.locator("main")).to_contain_text("It was not made.")
    expect(page.get_by_text("It appears here as soon as")).to_be_hidden()


def test_a_change_that_comes_too_late_is_said_so(page: Page, running: Running) -> None:
    campaign_id = running.create(text="To be stopped")
    page.goto(f"/campaigns/{campaign_id}/edit")
    stop(running, campaign_id)
    page.get_by_label("Whole budget").fill("99")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("#form-problem")).to_contain_text("stopped")
    command_id = published(running, action="Update Campaign", campaign_id=campaign_id, budget="99")
    page.goto(f"/campaigns/{campaign_id}?command={command_id}")
    expect(page.locator("#command .badge")).to_have_text("Too late, the campaign was stopped")
    expect(page.locator("#live .badge").first).to_have_text("Stopped")
    expect(page.locator("#live")).not_to_contain_text("99.00")


def test_a_command_is_found_again_after_answers_were_lost(page: Page, running: Running) -> None:
    campaign_id = running.create(text="Watched")
    tries: list[str] = []

    def lose(route: Route) -> None:
        tries.append(route.request.url)
        if len(tries) < 3:
            route.abort()
        else:
            route.continue_()

    page.route("**/commands/*", lose)
    page.goto(f"/campaigns/{campaign_id}/stop")
    page.get_by_role("button", name="Stop it for good").click()
    expect(page.locator("#notice")).to_contain_text("The console does not answer")
    expect(page.locator("#command .badge")).to_have_text("Applied", timeout=15_000)
    expect(page.locator("#notice")).to_be_hidden()
