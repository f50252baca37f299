"""A user who is to be forgotten is, and ad servers learn it."""

from sqlalchemy import insert
from store_cases import Store

from admanager.users import forget_user
from adserver.store import SqlProfileSource
from marketplace.runtime.store.schema import users
from marketplace.runtime.store.transactions import write_transaction


def test_a_profile_is_forgotten_and_ad_servers_read_them_again(store: Store) -> None:
    user = {column.name: "" for column in users.columns} | {"age": 7}
    with write_transaction(store.engine) as connection:
        connection.execute(insert(users), [user | {"id": user_id} for user_id in ("u", "U", "v")])
        connection.commit()
    source = SqlProfileSource(store.engine)
    before = source.version()
    assert forget_user(store.engine, "U")
    assert source.version() > before
    assert [user_id for user_id, *_ in source.profiles()] == ["u", "v"]
    assert not forget_user(store.engine, "U")
