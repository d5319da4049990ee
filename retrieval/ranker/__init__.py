"""Learning to rank: features of candidates, and the model that orders them."""
