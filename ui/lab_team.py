"""Who may use the lab page, and how what goes wrong is told there."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from agent.memory.users import Users
from retrieval.errors import CrossAisleError
from ui import lab_html

log = logging.getLogger(__name__)

Updates = dict[Any, Any]


class Team:
    """The product team, looked up anew for every event: a role may be taken away while the page is open.

    Args:
        users: who may sign in; None where nobody has to.
        status: where problems are shown.
    """

    def __init__(self, users: Users | None, status: gr.HTML) -> None:
        self._users, self._status = users, status

    def who(self, request: gr.Request) -> str:
        """Who asks; "" for somebody who isn't of the team (any more)."""
        if self._users is None:
            return _machine_user()
        user = self._users.get(request.username or "")
        return user.name if user is not None and user.role == "team" else ""

    def told(self, request: gr.Request, change: Callable[[str], Updates]) -> Updates:
        """What a change draws; what goes wrong is shown and logged, and strangers change and see nothing."""
        who = self.who(request)
        if not who:
            return {self._status: lab_html.problem("The lab is for the product team. Sign in as one of them.")}
        try:
            return change(who)
        except CrossAisleError as error:
            log.warning("%s", error)
            return {self._status: lab_html.problem(str(error))}


def _machine_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "this machine"
