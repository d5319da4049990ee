"""Channels: each proposes items in one way, and says why."""
