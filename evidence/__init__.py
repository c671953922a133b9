"""What pages show and no build computes: benchmarks, figures of the papers, their records."""
