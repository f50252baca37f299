"""API tokens in SQL."""

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from marketplace.api_token import StoredToken
from marketplace.permissions import Role
from marketplace.runtime.store.schema import api_tokens, counters
from marketplace.runtime.store.transactions import reading, retrying, write_transaction


class SqlTokens:
    """See `token_directory.TokenSource`; and what `campaign tokens` does to them. Every call may raise Unavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def version(self) -> int:
        with reading(self._engine) as connection:
            return int(connection.execute(select(counters.c.value).filter_by(name="tokens")).scalar_one())

    def unrevoked(self) -> list[StoredToken]:
        return [token for token in self.all() if token.revoked_us is None]

    def all(self) -> list[StoredToken]:
        """Returns every token that there ever was, the oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(api_tokens).order_by(api_tokens.c.created_us, api_tokens.c.token_id))
            return [
                StoredToken(
                    token_id=row.token_id,
                    digest=row.digest,
                    role=Role(row.role),
                    account=row.account,
                    note=row.note,
                    created_us=row.created_us,
                    expires_us=row.expires_us,
                    revoked_us=row.revoked_us,
                )
                for row in rows
            ]

    def add(self, token: StoredToken) -> None:
        """Keeps a new token."""
        retrying(lambda: self._add(token))

    def revoke(self, token_id: str, now_us: int) -> bool:
        """Revokes a token for good; False where there is none with this id. Safe to repeat: the first time counts."""
        return retrying(lambda: self._revoke(token_id, now_us))

    def _add(self, token: StoredToken) -> None:
        with write_transaction(self._engine) as connection:
            try:
                connection.execute(
                    insert(api_tokens).values(
                        token_id=token.token_id,
                        digest=token.digest,
                        role=token.role.value,
                        account=token.account,
                        note=token.note,
                        created_us=token.created_us,
                        expires_us=token.expires_us,
                        revoked_us=token.revoked_us,
                    )
                )
            except IntegrityError:  # the commit of the try before had happened
                return
            _changed(connection)

    def _revoke(self, token_id: str, now_us: int) -> bool:
        with write_transaction(self._engine) as connection:
            known = select(api_tokens.c.revoked_us).filter_by(token_id=token_id).with_for_update()
            row = connection.execute(known).one_or_none()
            if row is None:
                return False
            if row.revoked_us is None:
                connection.execute(update(api_tokens).filter_by(token_id=token_id).values(revoked_us=now_us))
                _changed(connection)
            return True


def _changed(connection: Connection) -> None:
    connection.execute(update(counters).where(counters.c.name == "tokens").values(value=counters.c.value + 1))
    connection.commit()
