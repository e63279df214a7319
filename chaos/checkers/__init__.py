"""
Pure functions of a history, each named after the promise that it checks; they return one sentence per breach.

`jobs`, `attempts` and `removals` serve the simulation too; `blackbox` and `growth` need what only real containers show.
"""
