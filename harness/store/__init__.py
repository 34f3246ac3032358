"""Vector stores behind one Protocol: Qdrant Edge in the process, or a Qdrant server."""
