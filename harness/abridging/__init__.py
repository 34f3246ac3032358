"""Leaving out of a text what nobody reads: encoded data, numbers, dumps."""
