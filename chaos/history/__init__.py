"""
What was seen in a run: events as they are written to `history.jsonl`, and the records that checkers read.

The simulation writes the records itself; a run of real containers writes events, from which `translation` makes them.
"""
