"""What the commands do; `ui/cli.py` only reads their options, so that help and mistakes are answered at once."""
