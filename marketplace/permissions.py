"""Who may call what: one table of methods and roles, one of services and their role. What is in neither is refused."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a caller is to the platform."""

    APP = "app"
    """Shows ads: asks for them and sends feedback."""

    MANAGER = "manager"
    """Runs the campaigns of one account, and sees no other's."""

    OPERATOR = "operator"
    """Runs the installation: everything, the reports included."""


Roles = frozenset[Role | None]
"""Roles that may do something; None among them is a caller who is not known, or has no role."""

ANYONE: Final[Roles] = frozenset((*Role, None))
_KNOWN: Final[Roles] = frozenset(Role)
_APPS: Final[Roles] = frozenset((Role.APP, Role.OPERATOR))
_MANAGERS: Final[Roles] = frozenset((Role.MANAGER, Role.OPERATOR))
_OPERATORS: Final[Roles] = frozenset((Role.OPERATOR,))
_NOBODY: Final[Roles] = frozenset()

PERMISSIONS: Final[Mapping[str, Roles]] = {
    "/adplatform.v1.AdServer/ServeAd": _APPS,
    "/adplatform.v1.AdServer/StreamAds": _APPS,
    "/adplatform.v1.FeedbackHandler/SubmitFeedback": _APPS,
    "/adplatform.v1.FeedbackHandler/StreamFeedback": _APPS,
    "/adplatform.v1.FeedbackHandler/StreamFeedbackBatches": _APPS,
    "/adplatform.v1.CampaignManager/CreateCampaign": _MANAGERS,
    "/adplatform.v1.CampaignManager/UpdateCampaign": _MANAGERS,
    "/adplatform.v1.CampaignManager/StopCampaign": _MANAGERS,
    "/adplatform.v1.CampaignManager/GetCommand": _MANAGERS,
    "/adplatform.v1.CampaignManager/GetCampaign": _MANAGERS,
    "/adplatform.v1.CampaignManager/ListCampaigns": _MANAGERS,
    # A manager is answered for its own account only.
    "/adplatform.v1.Reporting/GetOverview": _MANAGERS,
    "/adplatform.v1.Reporting/SearchCampaigns": _MANAGERS,
    "/adplatform.v1.Reporting/ListChoices": _MANAGERS,
    "/adplatform.v1.Reporting/EstimateCampaign": _MANAGERS,
    "/adplatform.v1.Reporting/GetCampaignSeries": _MANAGERS,
    "/adplatform.v1.Reporting/ListCharges": _MANAGERS,
    "/adplatform.v1.Reporting/ListCommands": _MANAGERS,
    "/adplatform.v1.Reporting/GetBill": _MANAGERS,
    "/adplatform.v1.Reporting/GetCaller": _MANAGERS,
    # These are of every account, and of users.
    "/adplatform.v1.Reporting/GetReport": _OPERATORS,
    "/adplatform.v1.Reporting/GetReconciliation": _OPERATORS,
    "/adplatform.v1.Reporting/DrawUsers": _OPERATORS,
    # Load balancers and gRPC's own client-side health checks carry no token; they learn "serving or not", no more.
    "/grpc.health.v1.Health/Check": ANYONE,
    "/grpc.health.v1.Health/Watch": ANYONE,
    # The contracts are public, but nobody unknown needs them from a running server.
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _KNOWN,
}

SERVICE_ROLES: Final[Mapping[str, Role]] = {
    "simulator": Role.APP,
    "console": Role.OPERATOR,
    "operator": Role.OPERATOR,
}
"""The role of a caller whose certificate names it; the other services have certificates, and call nobody."""


def roles_for(method: str) -> Roles:
    """Returns who may call a method, named as gRPC does: `/package.Service/Method`."""
    return PERMISSIONS.get(method, _NOBODY)
