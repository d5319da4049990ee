"""One turn as the page shows it: cards as soon as there is a receipt, prose as it comes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from html import escape

from agent.schema import Act, Receipt, Reply
from ui import cards
from ui.comparison import comparison
from ui.language import say


@dataclass
class TurnView:
    """What is known of a turn so far; `problem` says why it could not be answered."""

    id: str
    message: str
    receipt: Receipt | None = None
    text: str = ""
    reply: Reply | None = None
    problem: str = ""

    def html(self, marks: dict[str, set[str]], ticked: Collection[str] = ()) -> str:
        """The turn as HTML; cards stand before prose in time and in place: no button moves while text grows.

        Args:
            marks: what the shopper said of which item.
            ticked: items that are to be compared.
        """
        names = [entry.name for entry in self.receipt.items] if self.receipt else []
        told = escape(say("You said: {words}", words=self.message[:80]))
        parts = [f'<h2 class="xa-unseen">{told}</h2>', cards.bubble(self.message)]
        if self.receipt is not None:
            parts += [cards.notes(self._above), cards.cards(self.receipt, self.id, marks, ticked)]
            parts.append(comparison(self.receipt))
        if self.problem:
            parts.append(cards.problem(self.problem))
        else:
            above = frozenset(self._above)
            told = "\n".join(line for line in self.text.split("\n") if line not in above)
            parts.append(cards.prose(told, names, writing=self.reply is None))
        if self.reply is not None:
            trace = self.reply.trace
            shown = trace.timings_ms.get("cards") if names else None
            parts.append(cards.model_note(trace.planner, trace.explainer, trace.degraded, shown))
        return f'<section class="xa-turn" data-turn="{self.id}">{"".join(parts)}</section>'

    @property
    def _above(self) -> tuple[str, ...]:
        """What stands above the cards, and not once more in the prose under them."""
        if self.receipt is None or not self.receipt.items or self.receipt.plan.act is not Act.RECOMMEND:
            return ()
        return self.receipt.notes
