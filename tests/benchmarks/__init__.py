"""What the long benchmarks reckon with."""
