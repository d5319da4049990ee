"""Goods, events, index, signals, search and ranking. Knows no dialogue and no language model."""
