"""Text of the system prompts, put together by :mod:`harness.agent.system_prompt`."""
