"""By hand, over gRPC: what an advertiser and an app see, from the campaign to its line on the bill."""

from adplatform.v1 import campaign_manager_pb2 as pb
from campaigns import ACQUISITION, CLICK, CPA, CPC, VIEW, Advertiser
from mesh import Mesh, allowed_s

from marketplace.feedback import Action


def test_from_a_campaign_to_its_line_on_the_bill(mesh: Mesh) -> None:
    mine = Advertiser.create(mesh, budget_nanos=10 * 10**9)
    ad = mine.serve_soon(allowed_s(1.0))
    assert (ad.text, ad.category) == ("Mugs, hand-made", "Home & Kitchen")

    answers = [mine.act(ad, action) for action in (VIEW, CLICK, ACQUISITION, CLICK)]
    assert [answer.charged_nanos for answer in answers] == [0, CPC, CPA - CPC, CPC]
    assert [answer.repeat for answer in answers] == [False, False, False, True]
    assert {answer.request_id for answer in answers} == {ad.request_id}
    assert mine.campaign().spent_nanos == CPA

    mesh.settle()
    mesh.reconciled()
    done = mesh.program("writer.archive_ads", "ads")
    assert done.returncode == 0, done.stderr
    done = mesh.program("reporting", "--out", str(mesh.folder / "report"))
    assert done.returncode == 0, done.stderr
    header, *lines = (mesh.folder / "report/bill.csv").read_text().splitlines()
    bill = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    (line,) = [line for line in bill if line["campaign_id"] == mine.campaign_id]
    assert (line["impressions"], line["clicks"], line["acquisitions"]) == ("1", "1", "1")
    assert float(line["charged"]) == CPA / 1e9
    assert float(line["leftover"]) == 10 - CPA / 1e9


def test_feedback_after_the_stop_still_counts(mesh: Mesh) -> None:
    mine = Advertiser.create(mesh, budget_nanos=10**9)
    ad = mine.serve_soon(allowed_s(1.0))
    mine.act(ad, VIEW)
    mine.stop()
    mine.await_silence(allowed_s(1.0))
    assert mine.act(ad, CLICK).charged_nanos == CPC
    campaign = mine.campaign()
    assert campaign.status == pb.CAMPAIGN_STATUS_STOPPED
    assert campaign.spent_nanos == CPC
    assert mesh.ledger()[ad.request_id, Action.CLICK] == CPC


def test_a_budget_lowered_below_what_was_spent_leaves_nothing(mesh: Mesh) -> None:
    mine = Advertiser.create(mesh, budget_nanos=10**9)
    first, second = (mine.serve_soon(allowed_s(1.0)) for _ in range(2))
    assert mine.act(first, ACQUISITION).charged_nanos == CPA
    mine.update(budget_nanos=CPA // 2)
    campaign = mine.campaign()
    assert (campaign.spent_nanos, campaign.leftover_nanos) == (CPA, 0)
    assert campaign.status == pb.CAMPAIGN_STATUS_INACTIVE
    mine.await_silence(allowed_s(1.0))
    assert mine.act(second, CLICK).charged_nanos == 0
    mesh.reconciled()  # spent is above the budget, not above the highest one


def test_an_exhausted_campaign_that_is_topped_up_wins_again(mesh: Mesh) -> None:
    mine = Advertiser.create(mesh, budget_nanos=CPA + CPC)
    ads = [mine.serve_soon(allowed_s(1.0)) for _ in range(3)]
    assert [mine.act(ad, ACQUISITION).charged_nanos for ad in ads] == [CPA, CPC, 0]
    assert mine.campaign().status == pb.CAMPAIGN_STATUS_INACTIVE
    mine.await_silence(allowed_s(1.0))

    mine.update(budget_nanos=3 * CPA)
    assert mine.campaign().leftover_nanos == 2 * CPA - CPC
    again = mine.serve_soon(allowed_s(1.0))
    assert mine.act(again, ACQUISITION).charged_nanos == CPA
    assert mine.act(ads[2], ACQUISITION).charged_nanos == 0, "what was not charged then is not charged later"
    mesh.reconciled()
