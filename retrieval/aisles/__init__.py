"""What the learned ranking of aisles reads: shoppers' walks, signals learnt from all of them, features, training."""
