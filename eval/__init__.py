"""Protocols, metrics, benchmarks and reports: anything that scores what the shop did."""
