"""The index for editors and agents: MCP tools, the same over HTTP and over stdio."""
