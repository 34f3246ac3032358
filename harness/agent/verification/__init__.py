"""Running the verification command, and saying in a few lines what failed and why."""
