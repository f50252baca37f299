"""A request of each RPC as it should be: hostile ones are made of it."""

from typing import Any, Final

from adplatform.v1 import ad_server_pb2, campaign_manager_pb2, feedback_handler_pb2, reporting_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from installation import NOW_US, receipt

_START: Final = Timestamp(seconds=NOW_US // 10**6)
_END: Final = Timestamp(seconds=NOW_US // 10**6 + 86_400)
_TARGETING: Final = campaign_manager_pb2.Targeting(gender="F", age_start=20, age_end=45, city="Mumbai", device="iPhone")
_SPEC: Final = campaign_manager_pb2.CampaignSpec(
    text="Tin robot",
    category="Toys",
    targeting=_TARGETING,
    cpc_nanos=660_000,
    cpa_nanos=52_900_000,
    budget_nanos=10**12,
    start_time=_START,
    end_time=_END,
)
_CHANGE: Final = campaign_manager_pb2.CampaignChange(text="Tin robot", budget_nanos=1, start_time=_START, end_time=_END)
_PLAN: Final = reporting_pb2.EstimateCampaignRequest(
    targeting=_TARGETING, cpc_nanos=660_000, cpa_nanos=0, leftover_nanos=10**12, start_time=_START, end_time=_END
)
_PERIOD: Final = reporting_pb2.ReportPeriod(start="2026-10-01", end="2026-10-02T12:00", time_zone="Asia/Kolkata")
SERVE: Final = ad_server_pb2.ServeAdRequest(user_id="u", device_type="iPhone", city="Mumbai", ad_count=3)
FEEDBACK: Final = feedback_handler_pb2.SubmitFeedbackRequest(receipt=receipt(), action=2)  # type: ignore[arg-type]
NUMBERED: Final = feedback_handler_pb2.StreamFeedbackRequest(sequence=1, request=FEEDBACK)
REQUESTS: Final[dict[str, Any]] = {
    "AdServer/ServeAd": SERVE,
    "AdServer/StreamAds": ad_server_pb2.StreamAdsRequest(sequence=1, request=SERVE),
    "CampaignManager/CreateCampaign": campaign_manager_pb2.CreateCampaignRequest(campaign=_SPEC),
    "CampaignManager/UpdateCampaign": campaign_manager_pb2.UpdateCampaignRequest(campaign_id="known", change=_CHANGE),
    "CampaignManager/StopCampaign": campaign_manager_pb2.StopCampaignRequest(campaign_id="known"),
    "CampaignManager/GetCommand": campaign_manager_pb2.GetCommandRequest(command_id="known"),
    "CampaignManager/GetCampaign": campaign_manager_pb2.GetCampaignRequest(campaign_id="known"),
    "CampaignManager/ListCampaigns": campaign_manager_pb2.ListCampaignsRequest(page_size=2, category="Toys"),
    "FeedbackHandler/SubmitFeedback": FEEDBACK,
    "FeedbackHandler/StreamFeedback": NUMBERED,
    "FeedbackHandler/StreamFeedbackBatches": feedback_handler_pb2.StreamFeedbackBatchesRequest(requests=[NUMBERED]),
    "Reporting/GetOverview": reporting_pb2.GetOverviewRequest(),
    "Reporting/SearchCampaigns": reporting_pb2.SearchCampaignsRequest(query="tin", page_size=2),
    "Reporting/ListChoices": reporting_pb2.ListChoicesRequest(),
    "Reporting/EstimateCampaign": _PLAN,
    "Reporting/GetCampaignSeries": reporting_pb2.GetCampaignSeriesRequest(campaign_id="known", start_time=_START),
    "Reporting/ListCharges": reporting_pb2.ListChargesRequest(campaign_id="known", page_size=2),
    "Reporting/ListCommands": reporting_pb2.ListCommandsRequest(campaign_id="known"),
    "Reporting/GetBill": reporting_pb2.GetBillRequest(period=_PERIOD, page_size=2),
    "Reporting/GetReport": reporting_pb2.GetReportRequest(number=3, period=_PERIOD, max_rows=2),
    "Reporting/GetReconciliation": reporting_pb2.GetReconciliationRequest(),
    "Reporting/DrawUsers": reporting_pb2.DrawUsersRequest(count=2),
    "Reporting/GetCaller": reporting_pb2.GetCallerRequest(),
}
