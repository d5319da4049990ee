"""The conversation: understand, plan, (retrieval), explain, ground."""
