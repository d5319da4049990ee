"""Memory: everything about shoppers that changes while the shop serves.

memory = Memory("sqlite:///shops/sample/state.sqlite3")
memory.record(Event(shopper="s1", item="plaza:1", kind=EventKind.VIEW, at=datetime.now(UTC)))
memory.events_of("s1")
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from sqlalchemy import URL, Connection, Delete, delete, insert, or_, select, union, update

from agent.memory.database import Database, upsert
from agent.memory.hidden import Hidden
from agent.memory.judged import Judged
from agent.memory.shelf import Shelf
from agent.memory.tables import carts, consents, conversations, events, messages, turns
from agent.memory.talk import add_turn, latest, load, open_conversation, replies, rewrite, summaries
from agent.memory.values import CartLine, ConversationSummary, Forgotten, Recorded
from agent.schema import Consent, Conversation, Reply
from agent.storable import storable
from retrieval.schema import Event


class Memory:
    """Events, consents, carts, conversations and the log of turns, in SQLite or PostgreSQL.

    Threads may share one object; several processes may open the same database and write at once. Text is kept as it
    is, except that NUL characters and lone surrogates become U+FFFD.

    Args:
        url: `sqlite:///FILE`, `sqlite://` (in memory) or `postgresql://USER:PASSWORD@HOST/DATABASE`. Tables are made
            where there are none yet.

    Raises:
        StateError: from every method too: the database can't be reached, read or written, is no database, is of a
            newer version, or holds tables of somebody else.
    """

    def __init__(self, url: str | URL) -> None:
        self._database = Database(url)
        self.prompts = Shelf(self._database)
        self.hidden = Hidden(self._database)
        self.judged = Judged(self._database)

    @classmethod
    def at(cls, path: Path) -> Memory:
        """The SQLite database in the file `path`, whatever characters its name has."""
        return cls(URL.create("sqlite", database=str(path)))

    @property
    def name(self) -> str:
        """The database's URL without its password, for people to read."""
        return self._database.name

    def __enter__(self) -> Memory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # Events

    def record(self, event: Event) -> int:
        """Keep an event; it counts from the next turn on. Returns its id, never given twice (see `forget_event`)."""
        row = {key: storable(value) if isinstance(value, str) else value for key, value in event.model_dump().items()}
        with self._database.writing() as connection:
            return int(connection.execute(insert(events).values(row).returning(events.c.id)).scalar_one())

    def events_of(self, shopper: str) -> list[Event]:
        """The shopper's recorded events, oldest first; those of one moment in the order of recording."""
        return [event for _, event in self.numbered_events(shopper)]

    def numbered_events(self, shopper: str) -> list[tuple[int, Event]]:
        """`events_of`, each with its id."""
        chosen = select(events).where(events.c.shopper == storable(shopper)).order_by(events.c.at, events.c.id)
        with self._database.reading() as connection:
            rows = [dict(row) for row in connection.execute(chosen).mappings()]
        return [(int(row.pop("id")), Event.model_validate(row)) for row in rows]

    def forget_event(self, shopper: str, which: int | Event) -> bool:
        """Remove one event of the shopper, by id or by equal content (the latest such). False when there is none.

        In SQLite its bytes are overwritten; against copies in the file's free space `forget` does more.
        """
        number: int | None
        if isinstance(which, Event):
            number = next((n for n, event in reversed(self.numbered_events(shopper)) if event == which), None)
        else:
            number = which
        return bool(number is not None and self.forget_events(shopper, [number]))

    def forget_events(self, shopper: str, numbers: Collection[int]) -> int:
        """Remove recorded events of the shopper by their ids, as `forget_event` does. Returns how many there were."""
        mine = events.c.id.in_(list(numbers)) & (events.c.shopper == storable(shopper))
        if not numbers:
            return 0
        with self._database.writing() as connection:
            found = _gone(connection, delete(events).where(mine))
            if found:
                self.hidden.note(connection, shopper, "recorded events", found)
        if found:
            self._database.scrub(rewrite=False)
        return found

    # Consent

    def consent(self, shopper: str) -> Consent:
        """What the shopper allows; the defaults of `Consent` where nothing was said."""
        chosen = select(consents.c.purpose, consents.c.allowed).where(consents.c.shopper == storable(shopper))
        with self._database.reading() as connection:
            said = {row.purpose: row.allowed for row in connection.execute(chosen)}
        return Consent(**{purpose: said[purpose] for purpose in Consent.model_fields if purpose in said})

    def consents_to(self, purpose: str) -> dict[str, bool]:
        """Everybody who said yes or no to one purpose (a field of `Consent`), and which."""
        chosen = select(consents.c.shopper, consents.c.allowed).where(consents.c.purpose == purpose)
        with self._database.reading() as connection:
            return {row.shopper: row.allowed for row in connection.execute(chosen)}

    def set_consent(self, shopper: str, consent: Consent) -> None:
        """Replace what the shopper allows, for all purposes at once."""
        now = datetime.now(UTC)
        rows = [
            {"shopper": storable(shopper), "purpose": purpose, "allowed": allowed, "at": now}
            for purpose, allowed in consent.model_dump().items()
        ]
        with self._database.writing() as connection:
            said = upsert(connection, consents).values(rows)
            fresh = {"allowed": said.excluded.allowed, "at": said.excluded.at}
            connection.execute(said.on_conflict_do_update(index_elements=["shopper", "purpose"], set_=fresh))

    # Carts

    def cart(self, shopper: str) -> list[CartLine]:
        """What lies in the cart of a shopper (or of a visitor's key), first put in first."""
        chosen = select(carts.c.item, carts.c.quantity).where(carts.c.shopper == storable(shopper))
        with self._database.reading() as connection:
            rows = connection.execute(chosen.order_by(carts.c.at, carts.c.item))
            return [CartLine(item=item, quantity=quantity) for item, quantity in rows]

    def cart_add(self, shopper: str, item: str, quantity: int = 1) -> int:
        """Put units of an item into the cart. Returns how many lie there now.

        Raises:
            ValueError: when `quantity` is less than 1.
        """
        if quantity < 1:
            raise ValueError(f"quantity must be at least 1, not {quantity}")
        line = {"shopper": storable(shopper), "item": storable(item), "quantity": quantity, "at": datetime.now(UTC)}
        with self._database.writing() as connection:
            put = upsert(connection, carts).values(line)
            more = {"quantity": carts.c.quantity + put.excluded.quantity}
            put = put.on_conflict_do_update(index_elements=["shopper", "item"], set_=more)
            return int(connection.execute(put.returning(carts.c.quantity)).scalar_one())

    def cart_remove(self, shopper: str, item: str, quantity: int | None = None) -> int:
        """Take units of an item out of the cart, all of them without `quantity`. Returns how many were taken.

        Raises:
            ValueError: when `quantity` is less than 1.
        """
        if quantity is not None and quantity < 1:
            raise ValueError(f"quantity must be at least 1, not {quantity}")
        line = (carts.c.shopper == storable(shopper)) & (carts.c.item == storable(item))
        with self._database.writing() as connection:
            there = connection.execute(select(carts.c.quantity).where(line).with_for_update()).scalar()
            if there is None:
                return 0
            if quantity is None or quantity >= there:
                connection.execute(delete(carts).where(line))
                return int(there)
            connection.execute(update(carts).where(line).values(quantity=carts.c.quantity - quantity))
            return quantity

    # Conversations

    def open_conversation(self, shopper: str | None, id: str | None = None) -> Conversation:  # noqa: A002
        """Start a conversation, or go on with the one of that id (started under that id where there is none).

        A visitor's conversation (shopper None) becomes the shopper's who goes on with it.

        Raises:
            StateError: when the conversation is another shopper's.
        """
        with self._database.writing() as connection:
            return open_conversation(connection, storable(shopper) if shopper else None, id)

    def conversation(self, id: str) -> Conversation:  # noqa: A002
        """The whole conversation.

        Raises:
            StateError: when there is none of that id.
        """
        with self._database.reading() as connection:
            return load(connection, storable(id))

    def conversations(self, shopper: str) -> list[ConversationSummary]:
        """The shopper's conversations, newest first, also those without a turn yet."""
        with self._database.reading() as connection:
            return summaries(connection, storable(shopper))

    def recorded(self, most: int) -> list[Recorded]:
        """The latest conversations of everybody, visitors too, oldest first; to replay them."""
        with self._database.reading() as connection:
            return latest(connection, most)

    def save_turn(self, conversation: Conversation, message: str, reply: Reply) -> Conversation:
        """Append a turn: the shopper's message, the answer, and the reply to the log, all or nothing.

        Where another tab added turns meanwhile, this one follows them. Messages that the database doesn't have yet
        (of a conversation read from a file) are kept too, if it has none of the conversation.

        Args:
            conversation: as it was before the turn; one without id is started.
            message: the shopper's words.
            reply: the whole turn.

        Returns:
            The conversation as the database has it now.

        Raises:
            StateError: when the conversation was forgotten meanwhile, or is another shopper's.
        """
        with self._database.writing() as connection:
            return add_turn(connection, conversation, message, reply)

    def turns(self, conversation_id: str) -> list[Reply]:
        """The log of a conversation, oldest first."""
        with self._database.reading() as connection:
            return replies(connection, storable(conversation_id))

    def rewrite_turns(self, shopper: str, change: Callable[[Reply], Reply]) -> int:
        """Put `change(reply)` in the place of every reply to the shopper that it changes. Returns how many it did."""
        with self._database.writing() as connection:
            changed = rewrite(connection, storable(shopper), change)
        if changed:
            self._database.scrub(rewrite=False)
        return changed

    # Shoppers

    def shoppers(self) -> list[str]:
        """Everybody with an event, a consent or a conversation in here, in order; carts may be visitors'."""
        known = union(
            select(events.c.shopper),
            select(consents.c.shopper),
            select(conversations.c.shopper).where(conversations.c.shopper.is_not(None)),
        )
        with self._database.reading() as connection:
            return sorted(connection.execute(known).scalars())

    def forget(self, shopper: str) -> Forgotten:
        """Remove everything of the shopper, and in SQLite also overwrite the bytes; see `Forgotten`.

        What they had hidden of the shop's own data stays hidden (see `Hidden`).
        """
        who = storable(shopper)
        spoke = select(turns.c.conversation).where(turns.c.shopper == who)
        theirs = or_(conversations.c.shopper == who, conversations.c.id.in_(spoke))
        with self._database.writing() as connection:
            keys = list(connection.execute(select(conversations.c.id).where(theirs).with_for_update()).scalars())
            self.judged.forget(connection, keys)
            gone = {
                "events": _gone(connection, delete(events).where(events.c.shopper == who)),
                "consents": _gone(connection, delete(consents).where(consents.c.shopper == who)),
                "cart": _gone(connection, delete(carts).where(carts.c.shopper == who)),
                "turns": _gone(connection, delete(turns).where(turns.c.conversation.in_(keys))),
                "messages": _gone(connection, delete(messages).where(messages.c.conversation.in_(keys))),
                "conversations": _gone(connection, delete(conversations).where(conversations.c.id.in_(keys))),
            }
            if any(gone.values()):
                self.hidden.note(connection, shopper, "everything", gone["events"])
        return Forgotten(**gone, erased=self._database.scrub(rewrite=True))


def _gone(connection: Connection, removal: Delete) -> int:
    return int(connection.execute(removal).rowcount)
