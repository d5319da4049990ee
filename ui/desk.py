"""One shop opened for serving: the goods, what is remembered, the language model if there is one, and who answers.

Every front door goes through a `Desk`, so that an event recorded by one door counts in the next turn of another.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from agent.forgetting import count_known, forget, forget_category, history_of, known
from agent.memory import Memory
from agent.schema import Consent, Profile
from retrieval.schema import Event, EventKind, EventRef, Item
from retrieval.shop import Shop

if TYPE_CHECKING:
    from agent.bundle import Along
    from agent.memory.values import Forgotten
    from agent.models.base import ChatModel
    from agent.turn import Assistant
    from ui.interests import Interests

log = logging.getLogger(__name__)

LABS = "lab"  # of a shop's folder: the lab runs that were started from the page


@dataclass(frozen=True)
class Seen:
    """An event as the history panel shows it; `key` names it to `Desk.forget`, `recorded` if it happened here."""

    event: EventRef
    key: str = ""
    recorded: bool = False


class Desk:
    """Opens a shop folder and keeps it open; safe to use from many threads.

    Args:
        folder: a shop folder made by `crossaisle ingest`.
        state: URL of the state database; the folder's own SQLite file if None.
        chroma: URL of a Chroma server that holds the shop's vectors; the folder's own if None.
        model: a language model, or None for rules and templates.

    Raises:
        ShopError: the folder is missing, unfinished or of another version.
        StateError: the state database can't be opened.
    """

    def __init__(
        self, folder: Path, state: str | None = None, chroma: str | None = None, model: ChatModel | None = None
    ) -> None:
        self._folder, self._chroma, self.model = folder, chroma, model
        self.shop = Shop.open(folder, chroma_url=chroma)
        self.memory = Memory(state) if state else Memory.at(folder / "state.sqlite3")
        self._lock = threading.Lock()
        self._assistant: Assistant | None = None

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.memory.close()
        self.shop.close()

    def warm(self) -> None:
        """Read now what would be read in the first turn."""
        _ = self.shop.sensitive
        self.assistant.warm()

    @property
    def assistant(self) -> Assistant:
        """Who answers; over the newest finished generation of the shop."""
        from agent.turn import Assistant

        with self._lock:
            if self.shop.stale():
                log.warning("a newer build of %s was swapped in: opening it", self._folder)
                self.shop, self._assistant = Shop.open(self._folder, chroma_url=self._chroma).warm(), None
            if self._assistant is None:
                self._assistant = Assistant(self.shop, self.memory, self.model)
            return self._assistant

    def profile(self, shopper: str | None) -> Profile:
        """A shopper with the consents they gave; None is a visitor."""
        return Profile(shopper=shopper, consent=self.memory.consent(shopper)) if shopper else Profile()

    def knows(self, shopper: str) -> bool:
        """Whether anything is known of the shopper, in the shop's data or in what was recorded here."""
        return count_known(self.shop, self.memory, shopper) > 0

    def knows_from_shop(self, shopper: str) -> bool:
        """Whether the shop's own data hold events of the shopper that were not hidden."""
        return self.shop.events_of(shopper, self.memory.hidden.of(shopper)).height > 0

    def record(self, shopper: str, item: str, kind: EventKind, quantity: float = 1.0) -> Event:
        """Keep an event that happens now; it counts from the next turn on. Raises `UnknownItemError`."""
        from agent.act import event_now

        event = event_now(self.shop, shopper, item, kind, quantity)
        self.memory.record(event)
        return event

    def take_back(self, shopper: str, item: str, kind: EventKind) -> bool:
        """Forget the latest such event that was recorded here; False when there is none."""
        events = self.memory.numbered_events(shopper)
        mine = [number for number, event in events if event.item == item and event.kind is kind]
        return self._forgotten(shopper, int(bool(mine) and self.memory.forget_event(shopper, mine[-1]))) > 0

    def forget_shopper(self, shopper: str) -> Forgotten:
        """Remove everything recorded of the shopper here, from the state database and from the shop's lab runs."""
        gone = self.memory.forget(shopper)
        self._forgotten(shopper, 1)
        return gone

    def allow(self, shopper: str, prompt: bool | None = None, personalise: bool | None = None) -> Consent:
        """Change what the shopper allows; None leaves a switch as it is. Returns what holds now."""
        now = self.memory.consent(shopper)
        wanted = {"prompt": prompt, "personalise": personalise}
        changed = now.model_copy(update={name: value for name, value in wanted.items() if value is not None})
        if changed != now:
            self.memory.set_consent(shopper, changed)
        return changed

    def marks(self, shopper: str) -> dict[str, set[str]]:
        """What the shopper said here of which item: likes, dismissals, and what lies in the cart."""
        found: dict[str, set[str]] = {}
        for event in self.memory.events_of(shopper):
            if event.kind in (EventKind.FAVOURITE, EventKind.DISMISS):
                found.setdefault(event.item, set()).add(event.kind.value)
        for line in self.memory.cart(shopper):
            found.setdefault(line.item, set()).add(EventKind.CART.value)
        return found

    def cart(self, shopper: str) -> list[tuple[Item, int]]:
        """The cart's items that the shop still has, each with its quantity."""
        catalogue = self.shop.catalogue
        lines = [(catalogue.row_of.get(line.item), line.quantity) for line in self.memory.cart(shopper)]
        return [(catalogue.item(row), quantity) for row, quantity in lines if row is not None]

    def along(self, shopper: str, limit: int = 3) -> tuple[Along, ...]:
        """What goes with the shopper's cart, each with its evidence."""
        from agent.bundle import bundle

        assistant = self.assistant
        history = assistant.history(self.profile(shopper))
        return bundle(assistant.shop, [item.id for item, _ in self.cart(shopper)], history, limit)

    def interests(self, shopper: str) -> Interests | None:
        """The shopper's interests by category over time, whatever they allow: it is their own page."""
        from ui.interests import interests

        history = history_of(self.shop, self.memory, shopper)
        return interests(history, self.shop.catalogue)

    def history(self, shopper: str, limit: int = 30) -> tuple[list[Seen], int]:
        """The shopper's latest events, newest first, and how many older ones there are."""
        latest = known(self.shop, self.memory, shopper, latest=limit)[::-1][:limit]
        newest = [Seen(self._ref(one.event), one.key, one.recorded) for one in latest]
        return newest, count_known(self.shop, self.memory, shopper) - len(newest)

    def forget(self, shopper: str, key: str) -> bool:
        """Forget one event of the history, by its key; False when it is forgotten already, or is nobody's."""
        return self._forgotten(shopper, forget(self.shop, self.memory, shopper, [key])) > 0

    def forget_interest(self, shopper: str, category: str) -> int:
        """Forget all that the shopper did in a category. Returns how many events that were."""
        return self._forgotten(shopper, forget_category(self.shop, self.memory, shopper, category))

    def _forgotten(self, shopper: str, count: int) -> int:
        """Where anything was forgotten, let the shopper leave the shop's lab runs, whose answers may name it."""
        from eval.lab import forget as lab

        if count:
            lab.forget(self.shop.folder / LABS, self.memory.hidden, shopper)
        return count

    def some_shoppers(self, limit: int = 40) -> Sequence[str]:
        """A few of the shop's shoppers, spread over all of them, in order."""
        everybody = self.shop.shoppers()
        step = max(1, len(everybody) // limit)
        return everybody[::step][:limit]

    def large_categories(self, limit: int) -> list[str]:
        """The categories with the most goods, largest first; none of those that are not suggested unasked."""
        column = self.shop.catalogue.category
        sizes = np.bincount(column.codes, minlength=len(column.names))
        names = [column.names[code] for code in np.argsort(-sizes, kind="stable")]
        return [name for name in names if name and name not in self.shop.sensitive.categories][:limit]

    def _ref(self, event: Event) -> EventRef:
        row = self.shop.catalogue.row_of.get(event.item)
        item = self.shop.catalogue.item(row) if row is not None else None
        title, category = (item.title, item.category) if item else (event.item, "")
        return EventRef(item=event.item, title=title, category=category, kind=event.kind, at=event.at)
