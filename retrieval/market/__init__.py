"""A lively little market, generated: the sample shop."""
