"""The embedding model of our own: a table of term vectors, added up (docs/embedding-model.md)."""
