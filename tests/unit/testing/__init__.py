"""The fakes, under the contract suites that the real adapters pass too."""
