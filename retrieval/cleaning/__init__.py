"""The rules by which raw rows become a catalogue and events; `retrieval/clean.py` runs them in order."""
