"""
What each port promises, as tests, run on the fake and on every real adapter.

A test module makes a suite run by deriving a ``Test…`` class from it and giving it the fixtures that its docstring
names.
"""
