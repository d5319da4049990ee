"""Cross-aisle evidence: the ledger event -> need -> edge -> item, and its proof by deleting the events it names."""
