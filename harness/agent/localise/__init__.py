"""A mode for small models: Harness finds the place, the model writes it anew, the tests judge.

``places`` ranks the definitions that a task and a failing verification point to, ``prompt`` shows
one of them with the ``checks`` that fail, ``rewriting`` puts the model's version in its place with
the ``imports`` that it lacks, ``line_edits`` asks for lines after one that changed nothing;
``strategy`` draws several samples of each place, as ``plan`` says, and keeps the first that passes;
``standing`` is what it has tried so far, ``special_cases`` finds versions that only know the
checks. ``hidden`` knows the places that a model must not see, ``new_files`` writes a file that a
task asks for. ``renaming`` and ``small_changes`` need no model; ``trials`` tries the latter.
"""
