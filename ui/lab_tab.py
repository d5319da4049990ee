"""What the lab page's tabs have in common."""

from __future__ import annotations

from typing import Any

from ui.lab_desk import LabDesk
from ui.lab_layout import LabLayout
from ui.lab_team import Team

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""How events of the page are bound."""


class Tab:
    """Answers a tab's events.

    Args:
        lab: what the page can do.
        at: its components.
        team: who may.
    """

    def __init__(self, lab: LabDesk, at: LabLayout, team: Team) -> None:
        self.lab, self.at, self.team = lab, at, team
