"""Harness: a private code assistant that a team runs on its own hardware."""

import os

__version__ = "0.1.0"
# What pip calls us. `harness` on the public package index is somebody else's project; the import
# name and the command are ours all the same. Every hint that tells people to install takes it here.
DISTRIBUTION = "harness-code-assistant"

# The libraries that numpy multiplies with (OpenBLAS, MKL, Apple's Accelerate, and any built on
# OpenMP) start a thread for each core, and these wait for the next product by spinning. Products
# here are small and many, several searches run at once, and an index run fills the cores with
# processes of its own: the spinning took half of a search's processor time. Each library reads its
# variable once, when numpy is loaded, which nothing does before this. What somebody has set stays.
PRODUCT_THREADS = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OMP_NUM_THREADS",
)
for _variable in PRODUCT_THREADS:
    os.environ.setdefault(_variable, "1")
