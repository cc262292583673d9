"""What `make` runs: all notebooks in order, the report, benchmarks, checks and copies of the notebooks. No notebook imports it."""
