"""What is compared: baselines and what the shop serves, each one small file."""
