"""The documentation: pages that are made from the code, the check of links, and what the site is
built from. Nothing of it is in the wheel."""
