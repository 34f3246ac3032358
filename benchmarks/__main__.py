"""``make bench``: the quality of search."""

from benchmarks.retrieval import main

if __name__ == "__main__":
    main()
