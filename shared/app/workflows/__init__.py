"""Phase 1: workflows decided by the controller, run by the executor, watched by the sweep."""
