"""The agent's tools, one module each; :mod:`harness.agent.tools.registry` offers them."""
