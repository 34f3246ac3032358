"""The tool ``semantic_search``: passages of the index."""

from __future__ import annotations

import re
from functools import partial

from harness.agent.passages import passage_of_hit
from harness.agent.tools.access import ReadAccess, Search
from harness.agent.tools.grep import matching_lines
from harness.agent.tools.tool import Arguments, Tool, ToolOutput, counted, schema
from harness.errors import HarnessError
from harness.models.conversation import ToolSpec
from harness.repository.credentials import redact
from harness.repository.skip_names import is_secret

SEARCH_RESULTS = 6
MAX_QUERY_CHARS = 500
STOP_WORDS = frozenset({"what", "where", "which", "this", "that", "with", "does", "from", "when"})


def semantic_search(access: ReadAccess) -> Tool:
    """Declare the tool."""
    query = {"type": "string", "minLength": 1, "maxLength": MAX_QUERY_CHARS}
    return Tool(
        ToolSpec(
            "semantic_search",
            "Find code by what it does, in plain words.",
            schema(("query",), query=query),
        ),
        example={"query": "where requests are retried"},
        handler=partial(_search, access),
        subject=("query",),
    )


def find_passages(search: Search | None, query: str) -> tuple[str, str]:
    """Return passages of the index as text, and the reason why the index could not be searched,
    which is empty when it was."""
    if search is None:
        return "", "this repository is not indexed (`harness index` would do it)"
    try:
        hits = search(query[:MAX_QUERY_CHARS], SEARCH_RESULTS)
    except HarnessError as error:
        return "", f"the index cannot be used ({error})"
    # An index may be older than what counts as secret now.
    shown = "\n\n".join(passage_of_hit(hit, query) for hit in hits if not is_secret(hit.path))
    return redact(shown), ""


def _search(access: ReadAccess, arguments: Arguments) -> ToolOutput:
    """Without an index, the lines that contain the query's words are the next best thing."""
    query = str(arguments["query"])
    passages, reason = find_passages(access.search, query)
    if not reason:
        found = passages.count("\n\n") + 1 if passages else 0
        return ToolOutput(passages or "Nothing found.", summary=counted(found, "passage"))
    words = [word for word in re.findall(r"\w{4,}", query.lower()) if word not in STOP_WORDS]
    if not words:
        return ToolOutput(f"Note: {reason}, and the query has no word to search for.")
    pattern = "(?i)" + "|".join(re.escape(word) for word in words[:8])
    rows = matching_lines(access, pattern, "")
    best = sorted(rows, key=lambda row: -sum(word in row.lower() for word in words))
    lines = "\n".join(best[:25]) or "No lines match."
    return ToolOutput(
        f"Note: {reason}. Lines with the words of the query:\n{lines}",
        summary=f"not indexed, {counted(len(best[:25]), 'line')} with its words",
    )
