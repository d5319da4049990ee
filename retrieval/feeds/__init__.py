"""Readers: each turns one published form of purchase data into the same items and events."""
