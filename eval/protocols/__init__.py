"""How data become problems to rank, one protocol a file."""
