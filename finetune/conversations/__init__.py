"""Generated shopping conversations with the plan that each message means: training data, and a test of planners."""
