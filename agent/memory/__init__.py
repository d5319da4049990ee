"""What is remembered while serving: events, consents, carts, conversations and turns, in SQLite or PostgreSQL."""

from agent.memory.store import Memory
from agent.memory.values import CartLine, ConversationSummary, Forgotten

__all__ = ["CartLine", "ConversationSummary", "Forgotten", "Memory"]
