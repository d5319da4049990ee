"""Fixtures of this folder's tests."""

from tests.agent.vllm_server import tiny_models, vllm, vllm_servers

__all__ = ["tiny_models", "vllm", "vllm_servers"]
