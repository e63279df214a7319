"""Everything this project promises, as tests; `docs/requirements.md` is made from their marks."""
