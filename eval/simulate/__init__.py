"""Simulated shoppers: what they are after is what a shop's shoppers really bought later; they know nothing else."""
