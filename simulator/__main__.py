"""Users who ask for ads and act on them; and the users themselves: `simulator run`, `simulator users build | load`."""

import sys
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic_settings import CliSubCommand, get_subcommand
from rich.console import Console

from marketplace.datafiles import DataFileError
from marketplace.errors import Unavailable
from marketplace.runtime.logging import configure_logging
from marketplace.runtime.settings import BadSettingError, Settings, fail, parse_settings
from simulator import run, users_commands
from simulator.settings import BuildSettings, LoadSettings, RunSettings

PROGRAM: Final = "simulator"


class UsersCommands(BaseModel):
    """Builds users, or loads them into the store."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    build: CliSubCommand[BuildSettings]
    """Writes a users file."""

    load: CliSubCommand[LoadSettings]
    """Loads users into the store."""


class SimulatorSettings(Settings):
    """Simulates the users of an app that shows ads."""

    run: CliSubCommand[RunSettings]
    """Asks for ads and sends feedback."""

    users: CliSubCommand[UsersCommands]
    """Builds users, or loads them into the store."""

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # the other sources are not used
        cls, settings_cls: Any, init_settings: Any, **_: Any
    ) -> tuple[Any, ...]:
        """Reads subcommands from the command line only: USERS in the environment is a setting of one of them."""
        return (init_settings,)


def main() -> None:
    """Runs the subcommand."""
    settings = parse_settings(SimulatorSettings, PROGRAM)
    progress, output = Console(stderr=True), Console()
    try:
        match _subcommand(settings):
            case RunSettings() as chosen:
                configure_logging(PROGRAM, chosen.log_level)
                sys.exit(run.run(chosen, progress, output))
            case BuildSettings() as chosen:
                sys.exit(users_commands.build(chosen, progress))
            case LoadSettings() as chosen:
                sys.exit(users_commands.load(chosen, progress))
            case _:
                fail(PROGRAM, "say what to do: run, users build or users load (--help tells more)")
    except (BadSettingError, DataFileError, OSError, Unavailable) as problem:
        fail(PROGRAM, problem)
    except KeyboardInterrupt:
        sys.exit(130)


def _subcommand(settings: SimulatorSettings) -> object:
    group = get_subcommand(settings, is_required=False)
    return get_subcommand(group, is_required=False) if isinstance(group, UsersCommands) else group


if __name__ == "__main__":
    main()
