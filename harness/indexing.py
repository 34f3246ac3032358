"""Indexing: plan what changed, index it batch by batch, finalize. Being written; see the
signatures below, which flows build on."""
