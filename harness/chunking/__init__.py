"""Cuts files into chunks; :func:`harness.chunking.chunker.chunk_text` is the way in."""
