"""What is registered with a Prefect server: pools, limits, deployments, automations."""
