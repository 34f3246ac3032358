"""A mode for small models: Harness finds the place, the model writes it anew, the tests judge.

``places`` ranks the definitions that a task and a failing verification point to, ``prompt`` shows
one of them, ``rewriting`` puts the model's version in its place, ``renaming`` is the one task that
needs no model, and ``strategy`` draws several samples of each and keeps the first that passes.
"""
