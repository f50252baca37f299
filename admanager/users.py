"""Users' profiles in the store."""

from sqlalchemy import Engine, delete, update

from marketplace.runtime.store.schema import counters, users
from marketplace.runtime.store.transactions import retrying, write_transaction


def forget_user(engine: Engine, user_id: str) -> bool:
    """Removes a user's profile and tells the ad servers; False where there is none. Safe to repeat."""

    def forget() -> bool:
        with write_transaction(engine) as connection:
            found = connection.execute(delete(users).where(users.c.id == user_id)).rowcount > 0
            # also when there was none: the commit of an earlier try may have been all that came through
            connection.execute(update(counters).where(counters.c.name == "users").values(value=counters.c.value + 1))
            connection.commit()
            return found

    return retrying(forget)
