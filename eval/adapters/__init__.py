"""An adapter measured against its base, on what happened after everything that it was tuned on."""
