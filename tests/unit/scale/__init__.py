"""The room `benchmarks.scale`: its counting, its store, its goals and its page."""
