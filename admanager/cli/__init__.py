"""`campaign`: what a campaign manager types."""

import sys
from typing import Final

import grpc
from pydantic_settings import CliApp, CliSubCommand

from admanager.cli.generate import GenerateSettings
from admanager.cli.keys import KeysSettings
from admanager.cli.manage import GetSettings, ListSettings, StopSettings, SubmitSettings, UpdateSettings
from admanager.cli.rejected import RejectedSettings
from admanager.cli.replay import ReplaySettings
from admanager.cli.tokens import TokensSettings
from admanager.cli.users import UsersSettings
from marketplace.errors import PlatformError
from marketplace.runtime.settings import BadSettingError, Commands, fail, parse_settings

PROGRAM: Final = "campaign"


class CampaignCommand(Commands):
    """Runs ad campaigns: submits, changes, stops and lists them, replays and makes command streams."""

    submit: CliSubCommand[SubmitSettings]
    update: CliSubCommand[UpdateSettings]
    stop: CliSubCommand[StopSettings]
    get: CliSubCommand[GetSettings]
    list: CliSubCommand[ListSettings]
    replay: CliSubCommand[ReplaySettings]
    rejected: CliSubCommand[RejectedSettings]
    generate: CliSubCommand[GenerateSettings]
    keys: CliSubCommand[KeysSettings]
    tokens: CliSubCommand[TokensSettings]
    users: CliSubCommand[UsersSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)


def main() -> None:
    """Runs the program."""
    try:
        parse_settings(CampaignCommand, PROGRAM)
    except grpc.RpcError as problem:
        fail(PROGRAM, f"{problem.code().name}: {problem.details()}")
    except (BadSettingError, PlatformError, OSError, ValueError) as problem:
        fail(PROGRAM, problem)
    sys.exit(0)
