"""Serving a model and its adapters with vLLM: starting it, and changing what labels mean while it runs."""
