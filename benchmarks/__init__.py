"""How fast the simulator is, how exact, and what it needs: ``python -m benchmarks`` measures and writes docs/performance.md."""
