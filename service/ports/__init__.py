"""
What the service needs from the outside, as narrow as it uses it.

Each protocol has one contract suite in `service.testing.contracts`, run on the fake and on every real adapter. All
verbs are coarse: nothing here hands bytes to the worker, and nothing blocks the event loop. Errors are those of
`service.core.errors`; what a method raises beyond `StoreError` is said in its docstring.
"""
