"""From words to a plan: by rules, or by a language model with the rules beside it."""
