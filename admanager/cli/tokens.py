"""`campaign tokens`: what callers from outside prove who they are with."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_settings import CliApp, CliPositionalArg, CliSubCommand
from rich.console import Console
from rich.table import Table
from rich.text import Text

from marketplace.api_token import PREFIX, StoredToken, digest_of, id_of, new_token, parse_id
from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.permissions import Role
from marketplace.runtime.printable import printable
from marketplace.runtime.settings import BadSettingError, Commands, StoreSettings
from marketplace.runtime.store.engine import open_engine
from marketplace.runtime.store.migrate import migrate
from marketplace.runtime.store.tokens import SqlTokens

_DAY_US: Final = 86_400 * US_PER_SECOND


class _TokenSettings(StoreSettings):
    def _tokens(self) -> SqlTokens:
        engine = open_engine(self.store_url)
        migrate(engine)
        return SqlTokens(engine)


class CreateTokenSettings(_TokenSettings):
    """Makes a token and prints it, this once; servers know it a second later."""

    role: Role
    """What its holder may do: `app` (ads and feedback), `manager` (one account's campaigns) or `operator` (all)."""

    account: str = Field("", max_length=255)
    """The account of a manager."""

    note: str = Field("", max_length=255)
    """Whose it is, for the list."""

    days: int | None = Field(None, ge=1, le=3_650)
    """Days until it expires; default: it does not."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        if (self.role is Role.MANAGER) != bool(self.account.strip()):
            raise BadSettingError("--account: a manager needs one, and nobody else has one")
        token, now_us = new_token(), system_clock()
        stored = StoredToken(
            token_id=id_of(token),
            digest=digest_of(token),
            role=self.role,
            account=self.account,
            note=self.note,
            created_us=now_us,
            expires_us=None if self.days is None else now_us + self.days * _DAY_US,
        )
        self._tokens().add(stored)
        sys.stderr.write("This is the only time that it is shown:\n")
        sys.stdout.write(f"{token}\n")


class ListTokensSettings(_TokenSettings):
    """Lists the tokens by their ids."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        table = Table(box=None, header_style="dim")
        table.add_column("Id", no_wrap=True)
        for title in ("Role", "Account", "Note", "Made", "Expires", ""):
            table.add_column(title)
        now_us = system_clock()
        for token in self._tokens().all():
            state = "" if token.valid_at(now_us) else "revoked" if token.revoked_us is not None else "expired"
            moments = (_moment(token.created_us), _moment(token.expires_us))
            texts = (token.role.value, Text(printable(token.account)), Text(printable(token.note)))
            table.add_row(PREFIX + token.token_id, *texts, *moments, state)
        Console().print(table if table.row_count else "No token.")


class RevokeTokenSettings(_TokenSettings):
    """Revokes a token for good; servers refuse it within seconds, on open streams too."""

    token_id: CliPositionalArg[Annotated[str, AfterValidator(parse_id)]]
    """The token's id, as `campaign tokens list` shows it; never the token itself."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        if not self._tokens().revoke(self.token_id, system_clock()):
            raise BadSettingError(f"there is no token {PREFIX}{self.token_id}")
        sys.stdout.write("revoked\n")


class TokensSettings(Commands):
    """Looks after API tokens."""

    create: CliSubCommand[CreateTokenSettings]
    list: CliSubCommand[ListTokensSettings]
    revoke: CliSubCommand[RevokeTokenSettings]

    def cli_cmd(self) -> None:
        """Runs the chosen subcommand."""
        CliApp.run_subcommand(self)


def _moment(us: int | None) -> str:
    return "" if us is None else f"{datetime.fromtimestamp(us / US_PER_SECOND, UTC):%Y-%m-%d %H:%M} UTC"
