"""The prompt lab: the same sessions replayed over prompts, adapters and retrieval configurations, compared in pairs."""
