"""The API over the fakes: the whole application, without a network."""
