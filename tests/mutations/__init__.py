"""Each guard of a promise, broken in turn, and the tests that must notice: see `table`."""
