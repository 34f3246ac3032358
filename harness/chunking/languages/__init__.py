"""The languages, one declaration each; :mod:`harness.chunking.languages.spec` has the form."""
