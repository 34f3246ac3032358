"""Servers and models that tests run instead of the real ones. Each says what it imitates."""
