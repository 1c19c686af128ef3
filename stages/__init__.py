"""One script per stage: load parameters, call one function, write tables and metrics."""
